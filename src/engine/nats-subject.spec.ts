import { describe, expect, it } from '@jest/globals';
import { subjectOf } from './nats-subject.js';

describe('subjectOf', () => {
  it.each([
    ['topic:room/5', 'p.topic:room/5'],
    ['', 'p.='],
    ['a.b', 'p.a=2eb'],
    ['a b\n', 'p.a=20b=0a'],
    ['*', 'p.=2a'],
    ['>', 'p.=3e'],
    ['=2a', 'p.=3d2a'],
    ['€', 'p.=e2=82=ac'],
  ])('makes of %j one token, without wildcards', (channel, subject) => {
    expect(subjectOf('p.', channel)).toBe(subject);
  });

  it('stays far below what a server takes, however long a channel may be', () => {
    expect(subjectOf('websock.', '.'.repeat(512)).length).toBeLessThan(2_000);
  });
});
