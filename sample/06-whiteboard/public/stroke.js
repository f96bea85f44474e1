import { Array as SharedArray, Map as SharedMap } from 'yjs';

/** In the document a point is three integers: tenths of a unit to the right and down from the middle of the board, and the pressure. */
const TENTH = 0.1;
const MEDIUM_PRESSURE = 128;
const MAX_NUMBERS = 60_000;

/** In the order of the number keys. The style sheet says how each looks, in the light and in the dark. */
export const COLORS = ['ink', 'red', 'orange', 'yellow', 'green', 'blue', 'purple', 'pink'];
export const WIDTHS = [3, 6, 14];

/** As it goes into the document. `pressure`: 0 to 1; undefined for what does not feel any. */
export function pointOf(x, y, pressure) {
  const level = pressure === undefined ? MEDIUM_PRESSURE : Math.round(pressure * 255);
  return [Math.round(x / TENTH), Math.round(y / TENTH), level];
}

/** What is drawn of a stroke. Anybody may have written it, with any program: what makes no sense has no points. */
export class Shape {
  color = 'ink';
  width = 1;
  isDone = false;
  /** x, y, pressure, x, y, pressure, … */
  points = [];
  bounds = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  #lines;

  constructor(stroke) {
    if (!(stroke instanceof SharedMap)) return;
    const { color, width, points, done } = Object.fromEntries(stroke.entries());
    if (COLORS.includes(color)) this.color = color;
    if (width > 0 && width < 100) this.width = width;
    this.isDone = done === true;
    if (points instanceof SharedArray) this.#read(points.toArray());
  }

  /** Curves through the middles between the points, each with its width: a line for every change of the pressure. */
  get lines() {
    return (this.#lines ??= linesOf(this.points, this.width));
  }

  isIn({ left, top, right, bottom }) {
    const own = this.bounds;
    return own.left <= right && own.right >= left && own.top <= bottom && own.bottom >= top;
  }

  isNear(x, y, distance) {
    if (!this.isIn({ left: x - distance, right: x + distance, top: y - distance, bottom: y + distance }))
      return false;
    const reach = distance + this.width / 2;
    const { points } = this;
    for (let i = 0; i < points.length; i += 3) {
      const j = Math.min(i + 3, points.length - 3);
      if (distanceToLine(x, y, points[i], points[i + 1], points[j], points[j + 1]) <= reach) return true;
    }
    return false;
  }

  #read(numbers) {
    const length = Math.min(numbers.length - (numbers.length % 3), MAX_NUMBERS);
    for (let i = 0; i < length; i += 3) {
      const [x, y, pressure] = [numbers[i] * TENTH, numbers[i + 1] * TENTH, numbers[i + 2]];
      if (!(Math.abs(x) < 1e6 && Math.abs(y) < 1e6 && pressure >= 0 && pressure <= 255)) continue;
      this.points.push(x, y, pressure);
      this.#spread(x, y);
    }
  }

  #spread(x, y) {
    const { bounds, width } = this;
    bounds.left = Math.min(bounds.left, x - width);
    bounds.right = Math.max(bounds.right, x + width);
    bounds.top = Math.min(bounds.top, y - width);
    bounds.bottom = Math.max(bounds.bottom, y + width);
  }
}

function linesOf(points, width) {
  const lines = [];
  let [x, y] = points;
  let level;
  for (let i = 0; i < points.length; i += 3) {
    const next = Math.round((points[i + 2] / 255) * 64) / 64;
    if (next !== level) {
      level = next;
      // Medium pressure is the width as it was chosen.
      lines.push({ path: new Path2D(), width: width * (0.3 + 1.4 * level) });
      lines.at(-1).path.moveTo(x, y);
    }
    const isLast = i + 3 >= points.length;
    const endX = isLast ? points[i] : (points[i] + points[i + 3]) / 2;
    const endY = isLast ? points[i + 1] : (points[i + 1] + points[i + 4]) / 2;
    // A line without any length would not be seen, and a dot is one.
    lines.at(-1).path.quadraticCurveTo(points[i], points[i + 1], endX + (isLast ? 0.01 : 0), endY);
    [x, y] = [endX, endY];
  }
  return lines;
}

function distanceToLine(x, y, x1, y1, x2, y2) {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const along = ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy || 1);
  const at = Math.min(1, Math.max(0, along));
  return Math.hypot(x - x1 - at * dx, y - y1 - at * dy);
}

/** The smallest rectangle around all; undefined if there is nothing. */
export function boundsOf(shapes) {
  const all = shapes.map(({ bounds }) => bounds).filter(({ left }) => left < Infinity);
  if (all.length === 0) return undefined;
  return all.reduce((a, b) => ({
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  }));
}
