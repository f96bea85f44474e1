import { COLORS, Shape } from './stroke.js';

/** The strokes on two canvases: those that are done, and above them those that are being drawn, which change with every frame. */
export class Surface {
  #board;
  #view;
  #done = document.querySelector('#done').getContext('2d');
  #live = document.querySelector('#live').getContext('2d');
  #shapes = new WeakMap();
  /** What the lower canvas shows. */
  #painted = [];
  #inks = {};
  #isStale = true;

  constructor(board, view) {
    this.#board = board;
    this.#view = view;
    board.addEventListener('change', ({ detail }) => {
      for (const stroke of detail) this.#shapes.delete(stroke);
      this.#isStale = true;
    });
    view.addEventListener('change', () => this.repaint());
    this.recolor();
  }

  /** Of all strokes, in their order. */
  get shapes() {
    return this.#board.strokes.map((stroke) => this.shapeOf(stroke));
  }

  shapeOf(stroke) {
    // What is no object cannot be remembered, and is nothing.
    if (typeof stroke !== 'object' || stroke === null) return new Shape();
    if (!this.#shapes.has(stroke)) this.#shapes.set(stroke, new Shape(stroke));
    return this.#shapes.get(stroke);
  }

  /** After a change of the size. */
  resize() {
    const ratio = window.devicePixelRatio;
    for (const { canvas } of [this.#done, this.#live]) {
      canvas.width = Math.round(this.#view.width * ratio);
      canvas.height = Math.round(this.#view.height * ratio);
    }
    this.repaint();
  }

  /** After a change from light to dark. */
  recolor() {
    const style = getComputedStyle(document.documentElement);
    for (const color of COLORS) this.#inks[color] = style.getPropertyValue(`--ink-${color}`);
    this.repaint();
  }

  /** The next `paint` begins anew. */
  repaint() {
    this.#painted = undefined;
    this.#isStale = true;
  }

  /** Does nothing where nothing has changed. */
  paint() {
    if (!this.#isStale) return;
    this.#isStale = false;
    const { shapes } = this;
    const done = shapes.filter(({ isDone }) => isDone);
    // Mostly there is a stroke more than before, and nothing else has changed.
    const isMore = this.#painted?.every((shape, i) => shape === done[i]) ?? false;
    if (!isMore) this.#wipe(this.#done);
    this.#draw(this.#done, isMore ? done.slice(this.#painted.length) : done);
    this.#painted = done;
    this.#wipe(this.#live);
    this.#draw(
      this.#live,
      shapes.filter(({ isDone }) => !isDone),
    );
  }

  /** Draws shapes as they are on this board, on any canvas. */
  draw(context, shapes) {
    context.lineCap = context.lineJoin = 'round';
    for (const shape of shapes) {
      context.strokeStyle = this.#inks[shape.color];
      for (const { path, width } of shape.lines) {
        context.lineWidth = width;
        context.stroke(path);
      }
    }
  }

  #draw(context, shapes) {
    const { x, y, scale, bounds } = this.#view;
    const ratio = window.devicePixelRatio;
    context.setTransform(scale * ratio, 0, 0, scale * ratio, x * ratio, y * ratio);
    this.draw(
      context,
      shapes.filter((shape) => shape.isIn(bounds)),
    );
  }

  #wipe(context) {
    context.resetTransform();
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  }
}
