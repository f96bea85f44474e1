import { describe, expect, it } from '@jest/globals';
import { checkResult, Fault } from './outgoing.js';

const EMOJI = Buffer.from('é');

describe('a good result', () => {
  it.each([
    ['a single message', ['push', ['text', 'a'], 's'], [{ opcode: 'text', payload: 'a' }]],
    ['an empty list', ['push', [], 's'], []],
    ['nothing as payload', ['push', ['ping', null], 's'], [{ opcode: 'ping', payload: '' }]],
    [
      'a nested list of strings',
      ['push', ['text', ['a', ['b', null], 'c']], 's'],
      [{ opcode: 'text', payload: 'abc' }],
    ],
    [
      'a surrogate pair cut in two',
      ['push', ['text', ['\ud83d', '\ude00']], 's'],
      [{ opcode: 'text', payload: '😀' }],
    ],
    [
      'a character cut in two, as bytes',
      ['push', ['text', [EMOJI.subarray(0, 1), EMOJI.subarray(1)]], 's'],
      [{ opcode: 'text', payload: EMOJI }],
    ],
    [
      'bytes and strings mixed',
      ['push', ['binary', ['a', Buffer.from([0xff])]], 's'],
      [{ opcode: 'binary', payload: Buffer.from([0x61, 0xff]) }],
    ],
    [
      'the longest ping',
      ['push', ['ping', 'x'.repeat(125)], 's'],
      [{ opcode: 'ping', payload: 'x'.repeat(125) }],
    ],
  ])('accepts %s', (_, result, messages) => {
    expect(checkResult(result)).toEqual({ messages, state: 's' });
  });

  it.each([
    [['stop', 'normal', 's'], 1000, ''],
    [['stop', ['shutdown', 'disconnected'], 's'], 1000, ''],
    [['stop', ['shutdown', 'restart'], 's'], 1012, ''],
    [['stop', ['shutdown', 'other'], 's'], 1011, ''],
    [['stop', 'whatever', 's'], 1011, ''],
    [['stop', 'normal', 4000, 's'], 4000, ''],
    [['stop', 'normal', [4000, null], 's'], 4000, ''],
    [['stop', 'normal', [4000, 'why'], [], 's'], 4000, 'why'],
    [['stop', 'normal', [4000, 'x'.repeat(123)], 's'], 4000, 'x'.repeat(123)],
  ])('closes %j with %d', (result, code, closeReason) => {
    expect(checkResult(result)).toMatchObject({ state: 's', stop: { code, closeReason } });
  });
});

describe('a bad result', () => {
  it.each([
    [undefined, "expected a result tuple such as ['ok', state], got undefined"],
    [{ ok: 1 }, "expected a result tuple such as ['ok', state], got an object (Object)"],
    [['okay', 's'], "the tag must be 'ok', 'push', 'reply' or 'stop', not \"okay\""],
    [['ok'], "['ok', state] has 2 elements, not 1"],
    [['push', ['text', 'a']], "['push', messages, state] has 3 elements, not 2"],
    [['reply', 't', 's'], "['reply', term, messages, state] has 4 elements, not 3"],
    [['stop', 'normal'], "['stop', reason, detail?, messages?, state] has 3 to 5 elements, not 2"],
    [['push', 'text', 's'], 'messages must be [opcode, payload] or a list of these, not "text"'],
    [['push', ['txt', 'a'], 's'], "an opcode must be 'text', 'binary', 'ping' or 'pong', not \"txt\""],
    [['push', [['close', 'a']], 's'], "an opcode must be 'text', 'binary', 'ping' or 'pong', not \"close\""],
    [['push', [, ['text', 'a']], 's'], 'a message must be [opcode, payload], not undefined'], // prettier-ignore
    [['push', new Array(2), 's'], 'a message must be [opcode, payload], not undefined'],
    [['push', [['text']], 's'], 'a message must be [opcode, payload], not a list of 1'],
    [
      ['push', ['text', 5], 's'],
      'a payload must be a string, Uint8Array, null or a nested list of these, not 5',
    ],
    [['push', ['text', Buffer.from([0xff])], 's'], 'a text payload must be valid UTF-8'],
    [['push', ['text', [EMOJI.subarray(0, 1), 'x']], 's'], 'a text payload must be valid UTF-8'],
    [['push', ['pong', 'é'.repeat(63)], 's'], 'a pong has at most 125 bytes of payload, not 126'],
    [['stop', 'normal', 1005, 's'], 'a close code must be 1000-1003, 1007-1014 or 3000-4999, not 1005'],
    [['stop', 'normal', 999, 's'], 'a close code must be 1000-1003, 1007-1014 or 3000-4999, not 999'],
    [['stop', 'normal', [4000], 's'], 'a close detail is a code or [code, reason], not a list of 1'],
    [['stop', 'normal', [4000, 7], 's'], 'a close reason must be a string, bytes or null, not 7'],
    [['stop', 'normal', [4000, 'é'.repeat(62)], 's'], 'a close reason has at most 123 bytes, not 124'],
    [['stop', 'normal', [4000, Buffer.from([0xff])], 's'], 'a close reason must be valid UTF-8'],
  ])('refuses %j', (result, message) => {
    expect(() => checkResult(result)).toThrow(new Fault(message));
  });

  it('refuses bytes that were transferred to another thread', () => {
    const bytes = new Uint8Array(8);
    structuredClone(bytes, { transfer: [bytes.buffer] });
    expect(() => checkResult(['push', ['binary', bytes], 's'])).toThrow(
      new Fault('the bytes of a payload are gone: their ArrayBuffer was transferred or cut off'),
    );
  });

  it('refuses a payload that holds itself', () => {
    const endless: unknown[] = [];
    endless.push(endless);
    expect(() => checkResult(['push', ['text', endless], 's'])).toThrow(
      new Fault('a payload is nested at most 1000 lists deep'),
    );
  });
});
