import { WebsocketProvider } from 'y-websocket';
import { Board } from './board.js';
import { Cursors } from './cursors.js';
import { Gestures } from './gestures.js';
import { People } from './people.js';
import { savePicture } from './picture.js';
import { Presence } from './presence.js';
import { listenToKeys } from './shortcuts.js';
import { showStatus } from './status.js';
import { boundsOf } from './stroke.js';
import { Surface } from './surface.js';
import { hideToast, toast } from './toast.js';
import { Toolbar } from './toolbar.js';
import { View } from './view.js';

const $ = (id) => document.getElementById(id);
/** What the bars cover. */
const MARGINS = { top: 84, side: 28, bottom: 116 };

// The board lives in the address, /b/name, so that it can be shared.
const name = location.pathname.split('/').at(-1);
const board = new Board();
const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
const provider = new WebsocketProvider(`${scheme}://${location.host}/boards`, name, board.doc, {
  // Tabs of one browser speak through the server as well: one sees what a friend would see.
  disableBc: true,
});

const view = new View();
const surface = new Surface(board, view);
const presence = new Presence(provider.awareness);
const cursors = new Cursors(view);
const tools = new Toolbar();
const gestures = new Gestures($('board'), { board, view, surface, tools, presence, onStart: hideToast });
new People(presence);
showStatus(provider);
provider.on('status', ({ status }) => status === 'connected' && presence.introduce());

// Painting: at most once per frame, and only after something has changed.

let frame;

function wake() {
  frame ??= requestAnimationFrame((now) => {
    frame = undefined;
    surface.paint();
    if (cursors.step(now)) wake();
  });
}

board.addEventListener('change', () => {
  const { length } = board.strokes;
  $('board').dataset.strokes = length;
  $('board').setAttribute('aria-label', `Whiteboard with ${length} ${length === 1 ? 'stroke' : 'strokes'}`);
  $('hint').classList.toggle('hidden', length > 0);
  $('clear').disabled = $('save').disabled = length === 0;
  wake();
});
presence.addEventListener('change', () => {
  cursors.show(presence.people);
  wake();
});
view.addEventListener('change', () => {
  const { style } = $('board');
  style.setProperty('--x', `${view.x}px`);
  style.setProperty('--y', `${view.y}px`);
  // Dots stay apart, however small the board is shown.
  style.setProperty('--grid', `${24 * view.scale * 2 ** Math.max(0, Math.round(-Math.log2(view.scale)))}px`);
  $('fit').textContent = `${Math.round(view.scale * 100)} %`;
  wake();
});
function resize() {
  view.resize($('board').clientWidth, $('board').clientHeight);
  surface.resize();
  wake();
}
new ResizeObserver(resize).observe($('board'));
// It waits for a frame, which a tab in the background does not have.
resize();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  surface.recolor();
  wake();
});

// Who comes to a board sees all of it.
provider.once('sync', () => {
  if (board.strokes.length > 0) commands.fit();
  else $('hint').classList.remove('hidden');
});

// A page that is left says so, and comes back when the browser takes it out of its cache.
addEventListener('pagehide', () => provider.disconnect());
addEventListener('pageshow', ({ persisted }) => persisted && provider.connect());

// Buttons

const commands = {
  undo: () => gestures.isBusy || board.undo(),
  redo: () => gestures.isBusy || board.redo(),
  clear() {
    board.clear();
    toast('The board is clear.', { label: 'Undo', run: commands.undo });
  },
  save: () => savePicture(surface, `whiteboard-${name}`),
  async share() {
    const isCopied = await navigator.clipboard?.writeText(location.href).then(
      () => true,
      () => false,
    );
    if (isCopied) toast('The link is copied. Send it to a friend.');
    // Without https there is no clipboard.
    else prompt('The link of this board:', location.href);
  },
  fit: () => view.fit(boundsOf(surface.shapes), MARGINS),
  zoomIn: () => view.zoomBy(1.25),
  zoomOut: () => view.zoomBy(0.8),
};

for (const [id, run] of Object.entries(commands)) $(id).addEventListener('click', run);
board.addEventListener('history', () => {
  $('undo').disabled = !board.canUndo;
  $('redo').disabled = !board.canRedo;
});
listenToKeys(tools, commands);
