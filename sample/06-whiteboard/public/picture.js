import { boundsOf } from './stroke.js';

const MARGIN = 40;
const DENSITY = 2;
/** What browsers still make a canvas of. */
const MAX_SIDE = 8_000;

/** Saves what is on the board as a PNG. */
export async function savePicture(surface, name) {
  const bounds = boundsOf(surface.shapes);
  if (bounds === undefined) return;
  const [width, height] = [bounds.right - bounds.left + 2 * MARGIN, bounds.bottom - bounds.top + 2 * MARGIN];
  const scale = Math.min(DENSITY, MAX_SIDE / Math.max(width, height));
  const canvas = new OffscreenCanvas(Math.ceil(width * scale), Math.ceil(height * scale));
  const context = canvas.getContext('2d');
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--ground');
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.setTransform(scale, 0, 0, scale, (MARGIN - bounds.left) * scale, (MARGIN - bounds.top) * scale);
  surface.draw(context, surface.shapes);
  save(await canvas.convertToBlob({ type: 'image/png' }), `${name}.png`);
}

function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
