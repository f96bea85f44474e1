import { describe, expect, it } from '@jest/globals';
import { TopicNumbers } from './topic-numbers.js';

describe('the numbers of topics', () => {
  it('go on where they were', () => {
    const numbers = new TopicNumbers();
    numbers.of('a').next += 5;
    expect(numbers.of('a')).toEqual({ base: 0, next: 5 });
    expect(numbers.find('b')).toBeUndefined();
  });

  it('are kept for those that are used, and bounded', () => {
    const numbers = new TopicNumbers(10);
    for (let i = 0; i < 1_000; i++) {
      numbers.of('often').next++;
      numbers.of(`once ${i}`).next++;
    }
    expect(numbers.of('often')).toEqual({ base: 0, next: 1_000 });
    const kept = Array.from({ length: 1_000 }, (_, i) => numbers.find(`once ${i}`)).filter(Boolean);
    expect(kept.length).toBeLessThanOrEqual(20);
  });

  it('that come back after they were forgotten begin above all that were, and say so', () => {
    const numbers = new TopicNumbers(2);
    numbers.of('a').next += 100;
    for (const topic of ['b', 'c', 'd', 'e', 'f']) numbers.of(topic);
    expect(numbers.find('a')).toBeUndefined();
    expect(numbers.of('a')).toEqual({ base: 100, next: 100 });
  });
});
