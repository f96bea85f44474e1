import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { text } from 'nestjs-websock';
import { telemetry } from 'nestjs-websock/telemetry';
import { connect } from 'nestjs-websock/testing';
import { AppModule } from '../src/app.module.js';
import { startTelemetry, type RunningTelemetry } from '../src/telemetry.js';

let running: RunningTelemetry;
let lines: string[];
let app: INestApplication;

beforeEach(async () => {
  lines = [];
  running = startTelemetry((line) => lines.push(line));
  const module = await Test.createTestingModule({ imports: [AppModule] })
    .setLogger({ log() {}, error() {}, warn() {} })
    .compile();
  app = module.createNestApplication();
  await app.listen(0);
});

afterEach(async () => {
  await app.close();
  await running.stop();
});

/** Asks, and leaves when it has been answered. Resolves when the server has nothing left of the connection. */
async function visit(...words: string[]): Promise<void> {
  const ended = connectionEnd();
  const client = await connect(app, '/people');
  await client.expectPush();
  for (const word of words) {
    client.send(text(word));
    if (word === 'fail') await client.expectClose(1011);
    else await client.expectPush(undefined, { within: 5_000 });
  }
  if (!words.includes('fail')) client.close(1000);
  await ended;
}

function connectionEnd(): Promise<void> {
  const { connectionStop } = telemetry;
  return new Promise((resolve) => {
    connectionStop.subscribe(function ended() {
      connectionStop.unsubscribe(ended);
      resolve();
    });
  });
}

const find = (part: string): string => lines.find((line) => line.includes(part))!;

describe('the spans', () => {
  it('are the query in the callback in the connection, which is linked to the upgrade', async () => {
    await visit('ada');
    const id = (name: string) => /span (\w+\/(\w+))/.exec(find(name))!;
    expect(find('SELECT people')).toContain(`in ${id('LookupHandler.lookUp')[2]}`);
    expect(find('LookupHandler.lookUp')).toContain(`in ${id('WebSocket')[2]}`);
    expect(find('WebSocket')).toContain(`linked to ${id('GET /people')[1]}`);
    expect(find('WebSocket')).toContain('websocket.received.text.bytes=3');
    expect(find('GET /people')).toContain('http.response.status_code=101');
  });

  it('have the error of a callback', async () => {
    await visit('fail');
    expect(find('LookupHandler.lookUp')).toContain('ERROR as you wish');
    expect(find('WebSocket')).toContain('websocket.close.code=1011');
  });
});

describe('the metrics', () => {
  it('count messages, connections and slow callbacks', async () => {
    await visit('ada', 'slow grace');
    await running.flush();
    expect(find('websocket.server.connection.duration')).toContain('1 values');
    expect(find('websocket.server.callback.slow  1')).toContain('LookupHandler.lookUp');
    const received = /websocket\.server\.messages {2}2 .*direction=receive websocket\.opcode=text/;
    expect(lines).toContainEqual(expect.stringMatching(received));
  });
});

describe('the page', () => {
  it('is served', async () => {
    const response = await fetch(await app.getUrl());
    expect([response.status, (await response.text()).length > 500]).toEqual([200, true]);
  });
});
