import { COLORS } from './stroke.js';

/** Keys for what has a button. `commands` are the buttons by their names. */
export function listenToKeys(tools, commands) {
  const keys = {
    p: () => tools.choose('tool', 'pen'),
    e: () => tools.choose('tool', 'eraser'),
    '[': () => tools.stepWidth(-1),
    ']': () => tools.stepWidth(1),
    f: commands.fit,
    '+': commands.zoomIn,
    '=': commands.zoomIn,
    '-': commands.zoomOut,
    ...Object.fromEntries(COLORS.map((color, i) => [i + 1, () => tools.choose('color', color)])),
  };
  const withControl = {
    z: commands.undo,
    y: commands.redo,
    'shift+z': commands.redo,
  };
  addEventListener('keydown', (event) => {
    if (event.altKey || event.target.closest('#me')) return;
    const isControl = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    const run = isControl ? withControl[event.shiftKey ? `shift+${key}` : key] : keys[key];
    if (run === undefined) return;
    event.preventDefault();
    run();
  });
}
