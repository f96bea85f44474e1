import path from 'node:path';
import { build, stop } from 'esbuild';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type * as sockets from '../browser/pages/sockets.js';
import { launchChromium } from './chromium.js';

/** The functions of a script in the page, as the spec calls them. */
export type Remote<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;
};

export interface ScriptedPage<T> {
  readonly script: Remote<T>;
  /** What the page has seen of its WebSockets. */
  readonly sockets: Remote<typeof sockets>;
  /** The data messages so far, as the browser's developer tools have them: text as a string, binary as a buffer. */
  readonly sent: (string | Buffer)[];
  readonly received: (string | Buffer)[];
}

/** Pages of one browser. Each has a context of its own, as if it were on another machine. */
export class Pages {
  readonly #contexts = new Set<BrowserContext>();
  readonly #bundles = new Map<string, Promise<string>>();

  private constructor(private readonly browser: Browser) {}

  static async launch(): Promise<Pages> {
    return new Pages(await launchChromium());
  }

  /** Opens a page and runs a script of test/browser/pages in it; the browser has a cookie of `visited`. */
  async open<T>(address: string, script: string, visited?: string): Promise<ScriptedPage<T>> {
    const context = await this.browser.newContext();
    this.#contexts.add(context);
    if (visited !== undefined) await context.addCookies([{ name: 'session', value: '1', url: visited }]);
    const page = await context.newPage();
    const messages = messagesOf(page);
    await page.goto(address);
    await page.addScriptTag({ content: await this.#bundle('sockets') });
    await page.addScriptTag({ content: await this.#bundle(script) });
    return { script: remote(page, script), sockets: remote(page, 'sockets'), ...messages };
  }

  /** For `afterEach`. */
  async leave(): Promise<void> {
    await Promise.all([...this.#contexts].map((context) => context.close()));
    this.#contexts.clear();
  }

  async close(): Promise<void> {
    await this.browser.close();
    // The process of the bundler.
    await stop();
  }

  #bundle(script: string): Promise<string> {
    const made = this.#bundles.get(script) ?? bundle(script);
    this.#bundles.set(script, made);
    return made;
  }
}

/** As a web app bundles it, with what it imports. Its exports are a global of its name. */
async function bundle(script: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path.join(import.meta.dirname, `../browser/pages/${script}.ts`)],
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'iife',
    globalName: globalName(script),
  });
  return outputFiles[0]!.text;
}

function messagesOf(page: Page): Pick<ScriptedPage<unknown>, 'sent' | 'received'> {
  const sent: (string | Buffer)[] = [];
  const received: (string | Buffer)[] = [];
  page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => sent.push(payload));
    socket.on('framereceived', ({ payload }) => received.push(payload));
  });
  return { sent, received };
}

function remote<T>(page: Page, script: string): Remote<T> {
  return new Proxy({} as Remote<T>, {
    get:
      (_script, name: string) =>
      (...args: unknown[]) =>
        page.evaluate(call, [globalName(script), name, args] as const),
  });
}

/** Runs in the page. */
function call([script, name, args]: readonly [string, string, unknown[]]): unknown {
  return (globalThis as any)[script][name](...args);
}

function globalName(script: string): string {
  return script.replace('-', '_');
}
