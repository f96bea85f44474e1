import { Array as SharedArray, Doc, Map as SharedMap, UndoManager } from 'yjs';

/** The origin of what is done here. What comes from others, or from the server, has another: undo leaves it alone. */
const HERE = Symbol('here');

/**
 * The document: a list of strokes. A stroke is a map of `color`, `width`, `points` and, once the pen is up, `done`. It grows while it is
 * drawn, so others see it at once, and of a page that goes in the middle of one there stays what was drawn.
 */
export class Board extends EventTarget {
  doc = new Doc();
  strokes = this.doc.getArray('strokes');
  // One step for each gesture, however long it takes.
  #history = new UndoManager(this.strokes, { trackedOrigins: new Set([HERE]), captureTimeout: Infinity });

  constructor() {
    super();
    this.strokes.observeDeep((events) => this.#tell('change', this.#touchedBy(events)));
    for (const event of ['stack-item-added', 'stack-item-popped', 'stack-cleared'])
      this.#history.on(event, () => this.#tell('history'));
  }

  /** What is done from here on is undone in one step. */
  startGesture() {
    this.#history.stopCapturing();
  }

  /** A new stroke. */
  begin(color, width) {
    const stroke = new SharedMap();
    this.#change(() => {
      stroke.set('color', color);
      stroke.set('width', width);
      stroke.set('points', new SharedArray());
      this.strokes.push([stroke]);
    });
    return stroke;
  }

  /** `points` as stroke.js has them. Somebody may have erased the stroke meanwhile: then it has none. */
  extend(stroke, points) {
    this.#change(() => stroke.get('points')?.push(points));
  }

  end(stroke) {
    if (stroke.get('points')) this.#change(() => stroke.set('done', true));
  }

  /** As if the gesture had not begun. */
  cancelGesture() {
    this.#history.undo();
    this.#history.clear(false, true);
  }

  erase(strokes) {
    const erased = new Set(strokes);
    this.#change(() => {
      for (let i = this.strokes.length - 1; i >= 0; i--)
        if (erased.has(this.strokes.get(i))) this.strokes.delete(i);
    });
  }

  clear() {
    this.startGesture();
    this.#change(() => this.strokes.delete(0, this.strokes.length));
  }

  undo() {
    this.#history.undo();
  }

  redo() {
    this.#history.redo();
  }

  get canUndo() {
    return this.#history.undoStack.length > 0;
  }

  get canRedo() {
    return this.#history.redoStack.length > 0;
  }

  #change(work) {
    this.doc.transact(work, HERE);
  }

  /** The strokes that have another look now. */
  #touchedBy(events) {
    return events.flatMap(({ target }) => {
      if (target === this.strokes) return [];
      return [target instanceof SharedMap ? target : target.parent];
    });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
