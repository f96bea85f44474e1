import { telemetry } from '../telemetry/events.js';
import { FastPath } from './fast-path.js';

describe('FastPath', () => {
  const told: unknown[] = [];
  const listener = (event: unknown) => told.push(event);
  beforeEach(() => telemetry.fastPathClosed.subscribe(listener));
  afterEach(() => {
    telemetry.fastPathClosed.unsubscribe(listener);
    told.length = 0;
  });

  it('is open with the ws that is installed', () => {
    expect(new FastPath('app').isOpen).toBe(true);
    expect(told).toEqual([]);
  });

  it('is closed where ws is not as expected, and says so once', () => {
    const fastPath = new FastPath('app', () => 'its listener for data is not found');

    expect([fastPath.isOpen, fastPath.isOpen]).toEqual([false, false]);
    expect(told).toEqual([{ app: 'app', reason: 'its listener for data is not found' }]);
  });
});
