const ARROW = 'M1 1l5.2 15.2 3-6.4 6.4-3z';
/** In which a cursor goes two thirds of its way, ms: longer than the time between two messages. */
const GLIDE = 55;

/** The cursors of the others. They glide from where they were to where they are. */
export class Cursors {
  #layer = document.querySelector('#cursors');
  #view;
  #cursors = new Map();
  #lastStep = 0;

  constructor(view) {
    this.#view = view;
  }

  show(people) {
    const shown = new Map(people.filter(({ isMe, cursor }) => !isMe && cursor).map((one) => [one.id, one]));
    for (const [id, { element }] of this.#cursors) {
      if (shown.has(id)) continue;
      element.remove();
      this.#cursors.delete(id);
    }
    for (const person of shown.values()) this.#put(person);
  }

  /** Moves them a step on. Gives whether there is more to go. */
  step(now) {
    const part = 1 - Math.exp(-Math.min(100, now - this.#lastStep) / GLIDE);
    this.#lastStep = now;
    let isMoving = false;
    for (const cursor of this.#cursors.values()) {
      const [dx, dy] = [cursor.to[0] - cursor.at[0], cursor.to[1] - cursor.at[1]];
      const isThere = Math.hypot(dx, dy) * this.#view.scale < 0.5;
      cursor.at = isThere ? cursor.to : [cursor.at[0] + dx * part, cursor.at[1] + dy * part];
      isMoving ||= !isThere;
      const [left, top] = this.#view.toWindow(...cursor.at);
      cursor.element.style.translate = `${left}px ${top}px`;
      cursor.element.classList.toggle('turned', left + cursor.width > this.#view.width);
    }
    return isMoving;
  }

  #put({ id, name, color, cursor }) {
    const known = this.#cursors.get(id) ?? this.#make(id, cursor);
    known.to = cursor;
    known.element.style.setProperty('--person', `var(--person-${color})`);
    if (known.label.textContent === name) return;
    known.label.textContent = name;
    known.width = known.element.offsetWidth;
  }

  #make(id, at) {
    const element = document.createElement('div');
    element.className = 'cursor';
    const arrow = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    arrow.setAttribute('viewBox', '0 0 17 17');
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('d', ARROW);
    arrow.append(path);
    const label = document.createElement('span');
    element.append(arrow, label);
    this.#layer.append(element);
    const made = { element, label, at, to: at, width: 0 };
    this.#cursors.set(id, made);
    return made;
  }
}
