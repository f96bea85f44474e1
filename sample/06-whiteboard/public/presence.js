/** How many colors people have: `--person-0`, … of the style sheet. */
const PEOPLE_COLORS = 8;
const CURSOR_INTERVAL = 30;
const MAX_NAME = 24;

const FIRST = ['Amber', 'Breezy', 'Clever', 'Dapper', 'Eager', 'Gentle', 'Merry', 'Nimble', 'Quiet', 'Sunny'];
const SECOND = ['Badger', 'Crane', 'Falcon', 'Fox', 'Heron', 'Lynx', 'Otter', 'Panda', 'Robin', 'Wren'];

/** Who is on the board, and where they point: awareness of y-websocket. It is gone with the page, and no part of the document. */
export class Presence extends EventTarget {
  #awareness;
  #cursor = null;
  #timer;

  constructor(awareness) {
    super();
    this.#awareness = awareness;
    const name = localStorage.getItem('whiteboard.name') ?? `${anyOf(FIRST)} ${anyOf(SECOND)}`;
    awareness.setLocalState({ name, color: Math.floor(Math.random() * PEOPLE_COLORS), cursor: null });
    awareness.on('change', () => {
      this.#avoidColors();
      this.dispatchEvent(new Event('change'));
    });
  }

  /** All, oneself first. */
  get people() {
    const people = [...this.#awareness.getStates()].map(([id, state]) => this.#read(id, state));
    return people.sort((a, b) => b.isMe - a.isMe || a.id - b.id);
  }

  get me() {
    return this.people[0];
  }

  rename(name) {
    const trimmed = name.trim().slice(0, MAX_NAME);
    if (trimmed === '') return;
    localStorage.setItem('whiteboard.name', trimmed);
    this.#awareness.setLocalStateField('name', trimmed);
  }

  /** Says again who one is: after a new connection nobody takes a state for news that was known before. */
  introduce() {
    this.#awareness.setLocalState(this.#awareness.getLocalState());
  }

  /** `[x, y]` on the board; null: nowhere. Told at most some thirty times a second. */
  pointAt(place) {
    this.#cursor = place?.map(Math.round) ?? null;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#awareness.setLocalStateField('cursor', this.#cursor);
    }, CURSOR_INTERVAL);
  }

  /** Takes another color when somebody with a lower id has this one. */
  #avoidColors() {
    const [me, ...others] = this.people;
    if (!others.some(({ id, color }) => color === me.color && id < me.id)) return;
    const taken = new Set(others.map(({ color }) => color));
    const free = Array.from({ length: PEOPLE_COLORS }, (_, i) => i).filter((color) => !taken.has(color));
    if (free.length > 0) this.#awareness.setLocalStateField('color', anyOf(free));
  }

  /** Others may say what they like. */
  #read(id, { name, color, cursor }) {
    const isPlace = Array.isArray(cursor) && cursor.length === 2 && cursor.every(Number.isFinite);
    return {
      id,
      isMe: id === this.#awareness.clientID,
      name: typeof name === 'string' && name.trim() !== '' ? name.trim().slice(0, MAX_NAME) : 'Somebody',
      color: Number.isInteger(color) && color >= 0 && color < PEOPLE_COLORS ? color : 0,
      cursor: isPlace ? cursor : null,
    };
  }
}

function anyOf(list) {
  return list[Math.floor(Math.random() * list.length)];
}
