import { pointOf } from './stroke.js';

const ERASER_RADIUS = 10;
/** A stroke of fewer points was the first finger of two. */
const HARDLY_BEGUN = 12;

/**
 * What mouse, pen and fingers do on the board: one draws or erases, two fingers, the wheel, the middle button or the space bar move the
 * view. Once there was a pen, fingers only move it.
 */
export class Gestures {
  #parts;
  #element;
  #pointers = new Map();
  #gesture;
  #hasPen = false;
  #isSpaceDown = false;

  /** @param parts board, view, surface, tools (what is chosen), presence, and `onStart` of each gesture that changes the board */
  constructor(element, parts) {
    this.#element = element;
    this.#parts = parts;
    const on = (type, listener, options) => element.addEventListener(type, listener, options);
    on('pointerdown', (event) => this.#down(event));
    on('pointermove', (event) => this.#move(event));
    on('pointerup', (event) => this.#up(event));
    on('pointercancel', (event) => this.#up(event));
    on('pointerleave', () => parts.presence.pointAt(null));
    on('wheel', (event) => this.#wheel(event), { passive: false });
    on('contextmenu', (event) => event.preventDefault());
    // Else Safari zooms the page.
    on('gesturestart', (event) => event.preventDefault());
    for (const type of ['keydown', 'keyup'])
      addEventListener(type, (event) => this.#space(event, type === 'keydown'));
    addEventListener('blur', () => this.#space({ code: 'Space' }, false));
  }

  /** Whether a stroke is being drawn or erased: nothing else may change the history meanwhile. */
  get isBusy() {
    return this.#gesture !== undefined;
  }

  #down(event) {
    // The hand that holds the pen.
    if (this.#gesture?.isPen) return;
    this.#element.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, placeOf(event));
    this.#hasPen ||= event.pointerType === 'pen';
    if (this.#pointers.size > 1) return this.#giveWay();
    if (this.#movesView(event)) this.#gesture = { move: (from, to) => this.#pan(from, to) };
    else if (event.button === 0 || event.button === 5) this.#start(event);
  }

  #start(event) {
    const { board, tools, onStart } = this.#parts;
    onStart();
    board.startGesture();
    // 5: the other end of the pen.
    const isEraser = tools.tool === 'eraser' || event.button === 5;
    this.#gesture = isEraser ? this.#erasing() : this.#drawing(tools);
    this.#gesture.isPen = event.pointerType === 'pen';
    this.#gesture.add(event);
  }

  #move(event) {
    const { view, presence } = this.#parts;
    const to = placeOf(event);
    const from = this.#pointers.get(event.pointerId);
    presence.pointAt(view.toBoard(...to));
    if (from === undefined) return;
    if (this.#pointers.size === 2) this.#pinch(event.pointerId, from, to);
    else this.#gesture?.move?.(from, to);
    this.#pointers.set(event.pointerId, to);
    // What the browser has put together in one event.
    const all = event.getCoalescedEvents?.() ?? [];
    this.#gesture?.add?.(...(all.length > 0 ? all : [event]));
  }

  #up(event) {
    if (!this.#pointers.delete(event.pointerId)) return;
    if (event.pointerType === 'touch') this.#parts.presence.pointAt(null);
    this.#gesture?.end?.();
    this.#gesture = undefined;
  }

  /** A second finger is there: they move the view. */
  #giveWay() {
    if (this.#gesture?.isHardlyBegun?.()) this.#parts.board.cancelGesture();
    else this.#gesture?.end?.();
    this.#gesture = undefined;
  }

  #drawing({ color, width }) {
    const { board, view } = this.#parts;
    const stroke = board.begin(color, width);
    let [lastX, lastY, count] = [Infinity, Infinity, 0];
    return {
      add(...events) {
        const points = [];
        for (const event of events) {
          const place = placeOf(event);
          if (Math.hypot(place[0] - lastX, place[1] - lastY) < 1) continue;
          [lastX, lastY] = place;
          points.push(...pointOf(...view.toBoard(...place), pressureOf(event)));
          count++;
        }
        if (points.length > 0) board.extend(stroke, points);
      },
      end: () => board.end(stroke),
      isHardlyBegun: () => count < HARDLY_BEGUN,
    };
  }

  #erasing() {
    const { view } = this.#parts;
    let last;
    return {
      add: (...events) => {
        for (const event of events) {
          const place = placeOf(event);
          const from = last ?? place;
          const steps = Math.ceil(Math.hypot(place[0] - from[0], place[1] - from[1]) / ERASER_RADIUS) || 1;
          for (let i = 1; i <= steps; i++) this.#eraseAt(view.toBoard(...between(from, place, i / steps)));
          last = place;
        }
      },
    };
  }

  #eraseAt([x, y]) {
    const { board, surface, view } = this.#parts;
    const { shapes } = surface;
    const hit = board.strokes
      .toArray()
      .filter((_stroke, i) => shapes[i].isNear(x, y, ERASER_RADIUS / view.scale));
    if (hit.length > 0) board.erase(hit);
  }

  #movesView({ button, pointerType }) {
    return button === 1 || this.#isSpaceDown || (pointerType === 'touch' && this.#hasPen);
  }

  #pan([left, top], [newLeft, newTop]) {
    this.#parts.view.panBy(newLeft - left, newTop - top);
  }

  #pinch(id, from, to) {
    const { view } = this.#parts;
    const [other] = [...this.#pointers].filter(([key]) => key !== id).map(([, place]) => place);
    const apart = (place) => Math.hypot(place[0] - other[0], place[1] - other[1]);
    this.#pan(between(from, other, 0.5), between(to, other, 0.5));
    if (apart(from) > 0) view.zoomAt(...between(to, other, 0.5), apart(to) / apart(from));
  }

  #wheel(event) {
    event.preventDefault();
    const { view } = this.#parts;
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    // Pinching on a trackpad comes as a wheel with Control.
    if (event.ctrlKey || event.metaKey)
      view.zoomAt(...placeOf(event), Math.exp(Math.max(-50, Math.min(50, -event.deltaY * unit)) / 100));
    else view.panBy(-event.deltaX * unit, -event.deltaY * unit);
  }

  #space({ code, target }, isDown) {
    if (code !== 'Space' || (isDown && target.closest('button, #me'))) return;
    this.#isSpaceDown = isDown;
    this.#element.classList.toggle('panning', isDown);
  }
}

function placeOf(event) {
  return [event.clientX, event.clientY];
}

function between([x1, y1], [x2, y2], part) {
  return [x1 + (x2 - x1) * part, y1 + (y2 - y1) * part];
}

/** Only pens feel it: a mouse says 0.5, and most fingers 0 or 1. */
function pressureOf({ pointerType, pressure }) {
  return pointerType === 'pen' ? pressure : undefined;
}
