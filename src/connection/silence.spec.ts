import { describe, expect, it } from '@jest/globals';
import { Silence } from './silence.js';

describe('the silence of a client', () => {
  it('grows with time, and starts again when it is heard', () => {
    const silence = new Silence(0);
    expect(silence.elapsed(70)).toBe(70);
    silence.restart(70);
    expect(silence.elapsed(100)).toBe(30);
  });

  it('stands still while it is held', () => {
    const silence = new Silence(0);
    silence.hold(true, 10);
    silence.hold(true, 15);
    expect(silence.elapsed(50)).toBe(10);
    silence.hold(false, 60);
    expect(silence.elapsed(65)).toBe(15);
  });

  it('forgives what has counted, and nothing twice', () => {
    const silence = new Silence(0);
    silence.forgive(40, 100);
    expect(silence.elapsed(100)).toBe(60);
    silence.hold(true, 110);
    // Of these 20 the last 10 were held.
    silence.forgive(20, 120);
    expect(silence.elapsed(120)).toBe(60);
    silence.forgive(5, 130);
    silence.hold(false, 130);
    expect(silence.elapsed(130)).toBe(60);
  });

  it('never grows by being held and forgiven in turn', () => {
    const silence = new Silence(0);
    for (let now = 40; now <= 4_000; now += 40) {
      silence.hold(true, now - 1);
      silence.forgive(40, now);
      silence.hold(false, now + 1);
    }
    expect(silence.elapsed(4_001)).toBe(0);
    expect(silence.elapsed(5_001)).toBe(1_000);
  });
});
