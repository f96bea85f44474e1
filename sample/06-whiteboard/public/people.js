const MAX_SHOWN = matchMedia('(max-width: 44rem)').matches ? 3 : 5;
/** What an avatar shows of a person. */
const SHOWN = ['id', 'isMe', 'name', 'color'];

/** Who is there, as avatars. One's own opens a form with the name. */
export class People {
  #list = document.querySelector('#people');
  #form = document.querySelector('#me');
  #presence;
  /** By what they show. */
  #items = new Map();

  constructor(presence) {
    this.#presence = presence;
    const { name } = this.#form.elements;
    this.#form.addEventListener('toggle', () => {
      name.value = presence.me.name;
      name.select();
    });
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      presence.rename(name.value);
      this.#form.hidePopover();
    });
    presence.addEventListener('change', () => this.#show());
    this.#show();
  }

  #show() {
    const { people } = this.#presence;
    const shown = people.slice(0, people.length > MAX_SHOWN ? MAX_SHOWN - 1 : MAX_SHOWN);
    const items = shown.map((one) => this.#item(JSON.stringify(one, SHOWN), () => this.#avatar(one)));
    const rest = people.slice(shown.length).map(({ name }) => name);
    if (rest.length > 0) items.push(this.#item(rest.join(', '), () => this.#rest(rest)));
    this.#items = new Map(items);
    this.#arrange([...this.#items.values()]);
    const words = people.length === 1 ? 'Only you are here' : `${people.length} people are here`;
    this.#list.setAttribute('aria-label', words);
  }

  /** Touches those only that come or go: cursors move much more often. */
  #arrange(items) {
    for (const item of [...this.#list.children]) if (!items.includes(item)) item.remove();
    items.forEach((item, i) => {
      if (this.#list.children[i] !== item) this.#list.insertBefore(item, this.#list.children[i] ?? null);
    });
  }

  /** The one that has been there, if there is nothing new to show. */
  #item(looks, make) {
    const known = this.#items.get(looks);
    if (known !== undefined) return [looks, known];
    const item = document.createElement('li');
    item.append(make());
    return [looks, item];
  }

  #avatar({ isMe, name, color }) {
    const avatar = document.createElement(isMe ? 'button' : 'span');
    avatar.className = 'avatar';
    avatar.style.setProperty('--person', `var(--person-${color})`);
    avatar.textContent = initialsOf(name);
    avatar.title = isMe ? `${name} (you): change your name` : name;
    avatar.setAttribute('aria-label', avatar.title);
    if (isMe) avatar.popoverTargetElement = this.#form;
    else avatar.setAttribute('role', 'img');
    return avatar;
  }

  #rest(names) {
    const rest = document.createElement('span');
    rest.className = 'avatar rest';
    rest.textContent = `+${names.length}`;
    rest.title = names.join(', ');
    return rest;
  }
}

/** Of the first word and the last. */
function initialsOf(name) {
  const words = name.split(/\s+/);
  const chosen = words.length > 1 ? [words[0], words.at(-1)] : words;
  return chosen.map((word) => [...word][0].toUpperCase()).join('');
}
