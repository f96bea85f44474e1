import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { WebSocket } from 'ws';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { describeInChromium, launchChromium } from '../../../test/support/chromium.js';
import { closeApps, NestApp, startApp } from '../../../test/support/nest.js';
import { AppModule } from '../src/app.module.js';

type Place = readonly [x: number, y: number];

/** Runs in the page. */
function isInk({ canvas, place, hasInk }: { canvas: string; place: Place; hasInk: boolean }): boolean {
  const element = (globalThis as any).document.getElementById(canvas);
  const [x, y] = place.map((at) => (at * element.width) / element.clientWidth);
  return element.getContext('2d').getImageData(x, y, 1, 1).data[3] > 0 === hasInk;
}

/** The same: where the other's cursor is. */
function isCursorAt([x, y]: Place): boolean {
  const box = (globalThis as any).document.querySelector('.cursor').getBoundingClientRect();
  return Math.hypot(box.x - x, box.y - y) < 2;
}

// Several browsers on one board, and a client that waits for up to 2.5 s before it tries again.
jest.setTimeout(60_000);

const SIZE = { width: 1000, height: 700 };

describeInChromium('the page of the whiteboard', () => {
  let browser: Browser;
  let app: NestApp;
  let url: string;
  const failures: unknown[] = [];

  beforeAll(async () => {
    browser = await launchChromium();
  }, 60_000);

  afterAll(() => browser?.close());

  beforeEach(async () => {
    app = await startApp('express', { imports: [AppModule], endsConnections: true });
    url = (await app.fetch('/')).url;
  });

  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    await closeApps();
    expect(failures.splice(0)).toEqual([]);
  });

  /** Somebody's browser, on the board. */
  async function open(name: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ viewport: SIZE, ...options });
    await context.addInitScript(`localStorage.setItem('whiteboard.name', '${name}')`);
    const page = await context.newPage();
    page.on('pageerror', (error) => failures.push(error));
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) failures.push(message.text());
    });
    await page.goto(url);
    await isOnline(page);
    return page;
  }

  function isOnline(page: Page): Promise<void> {
    return page.locator('#status[data-state=open]').waitFor();
  }

  function hasStrokes(page: Page, count: number): Promise<void> {
    return page.locator(`#board[data-strokes="${count}"]`).waitFor();
  }

  async function press(page: Page, [x, y]: Place, ...others: Place[]): Promise<void> {
    await page.mouse.move(x, y);
    await page.mouse.down();
    for (const place of others) await page.mouse.move(...place, { steps: 10 });
  }

  async function draw(page: Page, from: Place, to: Place): Promise<void> {
    await press(page, from, to);
    await page.mouse.up();
  }

  /** Until there is ink, or none, at a place of a canvas: `done`, or `live` for what is being drawn. */
  async function shows(page: Page, canvas: 'done' | 'live', place: Place, hasInk = true): Promise<void> {
    await page.waitForFunction(isInk, { canvas, place, hasInk });
  }

  it('shows a stroke to others while it is being drawn, and then for good', async () => {
    const [ada, bob] = [await open('Ada'), await open('Bob')];
    await ada.locator('#hint:not(.hidden)').waitFor();
    await press(ada, [300, 300], [500, 300]);
    await shows(bob, 'live', [400, 300]);
    await shows(bob, 'done', [400, 300], false);
    await hasStrokes(bob, 1);
    await bob.locator('#hint.hidden').waitFor({ state: 'attached' });
    await ada.mouse.up();
    await shows(bob, 'done', [400, 300]);
    await shows(bob, 'live', [400, 300], false);
    await shows(bob, 'done', [400, 330], false);
    expect(await bob.getByRole('img', { name: 'Whiteboard with 1 stroke' }).count()).toBe(1);
  });

  it('shows who is there, where they point, and what they are called from now on', async () => {
    const [ada, bob] = [await open('Ada'), await open('Bob Ross')];
    await ada.getByRole('list', { name: '2 people are here' }).waitFor();
    await ada.getByRole('img', { name: 'Bob Ross' }).waitFor();
    await bob.mouse.move(200, 200);
    const cursor = ada.locator('.cursor', { hasText: 'Bob Ross' });
    await cursor.waitFor();
    await bob.mouse.move(640, 420, { steps: 5 });
    await ada.waitForFunction(isCursorAt, [640, 420] as const);

    // Off the board he points nowhere.
    await bob.locator('button.avatar').click();
    await cursor.waitFor({ state: 'detached' });
    await bob.getByRole('textbox', { name: 'Your name' }).fill('Robert');
    await bob.keyboard.press('Enter');
    await ada.getByRole('img', { name: 'Robert' }).waitFor();
    await bob.mouse.move(640, 420);
    await ada.locator('.cursor', { hasText: 'Robert' }).waitFor();
    await bob.close();
    await ada.getByRole('list', { name: 'Only you are here' }).waitFor();
    await ada.locator('.cursor').waitFor({ state: 'detached' });
  });

  it('undoes and redoes what was done here, and nothing of others', async () => {
    const [ada, bob] = [await open('Ada'), await open('Bob')];
    await draw(ada, [200, 200], [400, 200]);
    await hasStrokes(bob, 1);
    await draw(bob, [200, 300], [400, 300]);
    await hasStrokes(ada, 2);

    await ada.keyboard.press('Control+z');
    for (const page of [ada, bob]) {
      await hasStrokes(page, 1);
      await shows(page, 'done', [300, 200], false);
      await shows(page, 'done', [300, 300]);
    }
    expect(await ada.locator('#undo').isDisabled()).toBe(true);
    await ada.keyboard.press('Control+z');
    await ada.keyboard.press('Control+Shift+z');
    for (const page of [ada, bob]) {
      await hasStrokes(page, 2);
      await shows(page, 'done', [300, 200]);
    }
  });

  it('erases whole strokes, and clears the board; both can be undone', async () => {
    const [ada, bob] = [await open('Ada'), await open('Bob')];
    await draw(ada, [200, 200], [400, 200]);
    await draw(ada, [200, 300], [400, 300]);
    await hasStrokes(bob, 2);
    await bob.keyboard.press('e');
    await draw(bob, [300, 250], [300, 350]);
    await hasStrokes(ada, 1);
    await shows(ada, 'done', [210, 300], false);
    await shows(ada, 'done', [210, 200]);
    await bob.getByRole('button', { name: 'Undo' }).click();
    await hasStrokes(ada, 2);

    await bob.keyboard.press('p');
    await draw(bob, [200, 400], [400, 400]);
    await draw(bob, [200, 500], [400, 500]);
    await bob.getByRole('button', { name: 'Clear the board' }).click();
    await hasStrokes(ada, 0);
    await bob.locator('#toast').getByRole('button', { name: 'Undo' }).click();
    await hasStrokes(ada, 4);
    for (const y of [200, 300, 400, 500]) await shows(ada, 'done', [300, y]);
    await bob.keyboard.press('Control+z');
    await hasStrokes(ada, 3);
    await shows(ada, 'done', [300, 500], false);
  });

  it('says that the server restarts, and merges what was drawn meanwhile', async () => {
    const [ada, bob] = [await open('Ada'), await open('Bob')];
    const { port } = app;
    await draw(ada, [200, 200], [400, 200]);
    await hasStrokes(bob, 1);
    await app.close();
    for (const [page, y] of [
      [ada, 300],
      [bob, 400],
    ] as const) {
      await page.getByText('Server restarts').waitFor();
      await draw(page, [200, y], [400, y]);
      await hasStrokes(page, 2);
    }

    app = await NestApp.create('express', { imports: [AppModule], endsConnections: true });
    await app.app.listen(port, '127.0.0.1');
    for (const page of [ada, bob]) {
      await isOnline(page);
      await hasStrokes(page, 3);
      for (const y of [200, 300, 400]) await shows(page, 'done', [300, y]);
    }
    // And one that was not there has it from them.
    await hasStrokes(await open('Cy'), 3);
  });

  it('shows who is there after a restart, though nobody moves', async () => {
    const pages = [await open('Ada'), await open('Bob')];
    const { port } = app;
    // Without a word of theirs it would take up to 15 s.
    const areThere = (people: string) =>
      Promise.all(pages.map((page) => page.getByRole('list', { name: people }).waitFor({ timeout: 10_000 })));
    await areThere('2 people are here');
    await app.close();
    await areThere('Only you are here');
    app = await NestApp.create('express', { imports: [AppModule], endsConnections: true });
    await app.app.listen(port, '127.0.0.1');
    await areThere('2 people are here');
  });

  it('draws with a finger, and moves the view with two', async () => {
    const page = await open('Ada', { hasTouch: true, isMobile: true, viewport: { width: 390, height: 700 } });
    const devtools = await page.context().newCDPSession(page);
    const touch = (type: string, ...places: Place[]) =>
      devtools.send('Input.dispatchTouchEvent', {
        type: type as 'touchStart',
        touchPoints: places.map(([x, y], id) => ({ x, y, id })),
      });
    await touch('touchStart', [100, 300]);
    for (let x = 110; x <= 250; x += 10) await touch('touchMove', [x, 300]);
    await touch('touchEnd');
    await shows(page, 'done', [180, 300]);

    await touch('touchStart', [150, 400]);
    await touch('touchStart', [150, 400], [250, 400]);
    for (let i = 1; i <= 10; i++) await touch('touchMove', [150 - 5 * i, 400], [250 + 5 * i, 400]);
    await touch('touchEnd');
    await page.locator('#fit', { hasText: '200' }).waitFor({ state: 'attached' });
    // The first finger has drawn nothing, as there came a second.
    await hasStrokes(page, 1);
    expect(await page.locator('#undo').isDisabled()).toBe(false);
  });

  it('shows all of a board to who comes later, on a smaller screen too', async () => {
    const ada = await open('Ada');
    await draw(ada, [20, 100], [980, 600]);
    const bob = await open('Bob', { viewport: { width: 390, height: 700 } });
    await shows(bob, 'done', [195, 334]);
    expect(await bob.locator('#fit').textContent()).toBe('34 %');
  });

  it('copies the link, and saves the picture', async () => {
    const page = await open('Ada', { permissions: ['clipboard-read', 'clipboard-write'] });
    await page.getByRole('button', { name: 'Copy link' }).click();
    await page.getByText('The link is copied').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(url);

    expect(await page.locator('#save').isDisabled()).toBe(true);
    await draw(page, [200, 200], [400, 200]);
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#save').click()]);
    const picture = await readFile(await download.path());
    expect(picture.subarray(1, 4).toString()).toBe('PNG');
    // 200 and the stroke's width on each side, with margins of 40, at two pixels each.
    expect(picture.readUInt32BE(16)).toBe(2 * (200 + 2 * 6 + 2 * 40));
  });

  it('goes on beside a client that writes nonsense', async () => {
    const page = await open('Ada');
    const provider = new WebsocketProvider(
      `ws://127.0.0.1:${app.port}/boards`,
      url.split('/').at(-1)!,
      new Y.Doc(),
      {
        WebSocketPolyfill: WebSocket as never,
        disableBc: true,
      },
    );
    const strokes = provider.doc.getArray<unknown>('strokes');
    const odd = (values: object) => new Y.Map(Object.entries(values));
    strokes.push([
      null,
      'stroke',
      { points: [1, 2, 3] },
      odd({}),
      odd({ color: 'url(x)', width: -1, points: 'none' }),
      odd({
        color: 'red',
        width: 6,
        points: Y.Array.from<any>([1, 2, 'x', {}, null, 3, 1e300, 0, 0, 5]),
      }),
      new Y.Array(),
    ]);
    provider.awareness.setLocalState({ name: { a: 1 }, color: 'red', cursor: ['x'] });
    await hasStrokes(page, 7);
    await page.getByRole('img', { name: 'Somebody' }).waitFor();
    await draw(page, [200, 200], [400, 200]);
    await shows(page, 'done', [300, 200]);
    await page.keyboard.press('e');
    await draw(page, [300, 150], [300, 250]);
    await hasStrokes(page, 7);
    provider.destroy();
    provider.doc.destroy();
  });
});
