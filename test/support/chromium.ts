import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

/** Debian's, or what `CHROMIUM` names. */
const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

const ADVICE = `no Chromium at ${EXECUTABLE}: run "apt-get install chromium" as root, or name one in the variable CHROMIUM`;

/** Cases in a browser. Where there is none they are skipped, and say how to get one; on CI that is a failure. */
export const describeInChromium =
  existsSync(EXECUTABLE) || process.env.CI !== undefined
    ? describe
    : (name: string, cases: () => void) => describe.skip(`${name} (${ADVICE})`, cases);

/** A headless Chromium that asks nobody for anything but the page. */
export async function launchChromium(): Promise<Browser> {
  if (!existsSync(EXECUTABLE)) throw new Error(ADVICE);
  return chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--ignore-certificate-errors',
    ],
  });
}
