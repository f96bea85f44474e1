const MIN_SCALE = 0.1;
const MAX_SCALE = 6;

/** Which part of the board the window shows. The middle of the board starts in the middle of the window, however large that is. */
export class View extends EventTarget {
  width = 0;
  height = 0;
  scale = 1;
  /** Where the middle of the board is, in CSS pixels. */
  x = 0;
  y = 0;

  resize(width, height) {
    const [right, down] = [(width - this.width) / 2, (height - this.height) / 2];
    this.width = width;
    this.height = height;
    this.panBy(right, down);
  }

  panBy(right, down) {
    this.#set(this.x + right, this.y + down, this.scale);
  }

  /** Leaves what is at a place of the window where it is. */
  zoomAt(left, top, factor) {
    const scale = Math.min(MAX_SCALE, Math.max(MIN_SCALE, this.scale * factor));
    const [x, y] = this.toBoard(left, top);
    this.#set(left - x * scale, top - y * scale, scale);
  }

  zoomBy(factor) {
    this.zoomAt(this.width / 2, this.height / 2, factor);
  }

  /** Shows all of it, between the bars, and no larger than it is. */
  fit(bounds, { top, side, bottom }) {
    if (bounds === undefined) return this.#set(this.width / 2, this.height / 2, 1);
    const [width, height] = [this.width - 2 * side, this.height - top - bottom];
    const room = Math.min(width / (bounds.right - bounds.left), height / (bounds.bottom - bounds.top));
    const scale = Math.min(1, Math.max(MIN_SCALE, room));
    this.#set(
      this.width / 2 - ((bounds.left + bounds.right) / 2) * scale,
      top + height / 2 - ((bounds.top + bounds.bottom) / 2) * scale,
      scale,
    );
  }

  toBoard(left, top) {
    return [(left - this.x) / this.scale, (top - this.y) / this.scale];
  }

  toWindow(x, y) {
    return [x * this.scale + this.x, y * this.scale + this.y];
  }

  /** What the window shows of the board. */
  get bounds() {
    const [left, top] = this.toBoard(0, 0);
    const [right, bottom] = this.toBoard(this.width, this.height);
    return { left, top, right, bottom };
  }

  #set(x, y, scale) {
    Object.assign(this, { x, y, scale });
    this.dispatchEvent(new Event('change'));
  }
}
