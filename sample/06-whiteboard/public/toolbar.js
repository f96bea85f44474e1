import { COLORS, WIDTHS } from './stroke.js';

const WIDTH_NAMES = ['Thin', 'Medium', 'Thick'];

/** What is chosen: tool, color, width. Whoever picks a color or a width wants to draw. */
export class Toolbar {
  #form = document.querySelector('#toolbar');

  constructor() {
    this.#offer('color', COLORS, (color, i) => [`${color[0].toUpperCase()}${color.slice(1)}`, i + 1]);
    this.#offer('width', WIDTHS, (_width, i) => [WIDTH_NAMES[i], '[ and ]']);
    this.#form.addEventListener('submit', (event) => event.preventDefault());
    this.#form.addEventListener('change', ({ target }) => this.choose(target.name, target.value));
    this.choose('color', COLORS[0]);
    this.choose('width', WIDTHS[1]);
  }

  get tool() {
    return this.#form.elements.tool.value;
  }

  get color() {
    return this.#form.elements.color.value;
  }

  get width() {
    return Number(this.#form.elements.width.value);
  }

  /** @param name tool, color or width */
  choose(name, value) {
    const { elements } = this.#form;
    elements[name].value = value;
    if (name !== 'tool') elements.tool.value = 'pen';
    this.#form.style.setProperty('--ink', `var(--ink-${this.color})`);
    document.body.dataset.tool = this.tool;
  }

  /** The next width, or, with -1, the one before. */
  stepWidth(by) {
    const next = WIDTHS[WIDTHS.indexOf(this.width) + by];
    if (next !== undefined) this.choose('width', next);
  }

  /** A radio button for each. */
  #offer(name, values, describe) {
    const choices = values.map((value, i) => {
      const [title, key] = describe(value, i);
      const radio = document.createElement('input');
      Object.assign(radio, { type: 'radio', name, value, title: `${title} (${key})` });
      radio.setAttribute('aria-label', title);
      radio.style.setProperty(`--${name}`, name === 'color' ? `var(--ink-${value})` : `${value}px`);
      return radio;
    });
    this.#form.querySelector(`#${name}s`).append(...choices);
  }
}
