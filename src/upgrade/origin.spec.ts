import { describe, expect, it } from '@jest/globals';
import type { UpgradeRequest } from '../websock/request.js';
import { checkOrigin } from './origin.js';

const request = { headers: { origin: 'https://evil.example' } } as UpgradeRequest;

describe('a checkOrigin function', () => {
  it('that answers with a promise lets nobody in: a promise would pass for true', () => {
    const rule = (async () => false) as never;
    expect(() => checkOrigin(rule, request, 'localhost')).toThrow(TypeError);
  });

  it('refuses with 403', () => {
    expect(() => checkOrigin(() => false, request, 'localhost')).toThrow(
      expect.objectContaining({ status: 403, code: 'WEBSOCK_UPGRADE_ORIGIN' }),
    );
    expect(() => checkOrigin(() => true, request, 'localhost')).not.toThrow();
  });
});
