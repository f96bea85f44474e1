import { ConfigError } from './errors.js';
import {
  checkOptions,
  MAX_INT32,
  OPTION_NAMES,
  resolveDrainer,
  resolveOptions,
  type DrainerOptions,
  type WebSockOptions,
} from './options.js';

/** The message of the ConfigError that `act` throws. */
function configError(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  throw new Error('nothing was thrown');
}

const faultOf = (options: object) =>
  configError(() => checkOptions(options as WebSockOptions, 'RoomHandler'));

describe('defaults', () => {
  it('are those of the semantics', () => {
    expect(resolveOptions('here')).toEqual({
      timeout: 60_000,
      heartbeat: 30_000,
      maxMessageSize: 10_000_000,
      maxFrameSize: 10_000_000,
      validateUtf8: true,
      compress: false,
      deflateOptions: {},
      requireProtocol: false,
      maxInbound: 1_000,
      maxMailbox: 1_000,
      maxBufferedAmount: 1_048_576,
      sendTimeout: 30_000,
      terminateTimeout: 5_000,
      closeTimeout: 30_000,
      upgradeTimeout: 10_000,
      slowCallback: 5_000,
      fastPath: true,
      earlyValidateUpgrade: true,
    });
  });

  it('of the drainer are those of the semantics', () => {
    expect(resolveDrainer()).toEqual({ batchSize: 1_000, batchInterval: 500, shutdown: 20_000, code: 1012 });
  });

  it('make the heartbeat half of the timeout', () => {
    expect(resolveOptions('here', { timeout: 5_001 }).heartbeat).toBe(2_500);
  });

  it('have no heartbeat where there is no timeout', () => {
    expect(resolveOptions('here', { timeout: Infinity }).heartbeat).toBe(false);
  });

  it('make a frame as large as a message', () => {
    expect(resolveOptions('here', { maxMessageSize: 99 }).maxFrameSize).toBe(99);
  });
});

describe('layers', () => {
  it('later ones win', () => {
    const resolved = resolveOptions('here', { timeout: 10, maxInbound: 1 }, { timeout: 20 }, { timeout: 30 });
    expect(resolved).toMatchObject({ timeout: 30, maxInbound: 1 });
  });

  it('an undefined value or layer says nothing', () => {
    expect(resolveOptions('here', { timeout: 10 }, undefined, { timeout: undefined }).timeout).toBe(10);
  });

  it('refuse a heartbeat that is not below the timeout of another layer', () => {
    const message = configError(() => resolveOptions('RoomHandler', { heartbeat: 500 }, { timeout: 500 }));
    expect(message).toBe(
      'RoomHandler: heartbeat (500 ms) must be below timeout (500 ms), or false for no pings',
    );
  });

  it('take a heartbeat without a timeout', () => {
    expect(resolveOptions('here', { heartbeat: 500, timeout: Infinity }).heartbeat).toBe(500);
  });
});

describe('a wrong value names whose it is, the option, its unit and what is allowed', () => {
  const milliseconds = ['timeout', 'sendTimeout', 'terminateTimeout', 'closeTimeout', 'upgradeTimeout'];
  it.each(milliseconds)('%s', (name) => {
    expect(faultOf({ [name]: -1 })).toBe(
      `RoomHandler: ${name} must be a whole number of milliseconds from 1 to 2147483647, or Infinity for no limit, not -1`,
    );
  });

  it.each(['maxMessageSize', 'maxFrameSize', 'maxBufferedAmount'])('%s', (name) => {
    expect(faultOf({ [name]: 1.5 })).toBe(
      `RoomHandler: ${name} must be a whole number of bytes from 1 to 2147483647, or Infinity for no limit, not 1.5`,
    );
  });

  it.each(['maxInbound', 'maxMailbox'])('%s', (name) => {
    expect(faultOf({ [name]: '10' })).toBe(
      `RoomHandler: ${name} must be a whole number of messages from 1 to 2147483647, or Infinity for no limit, not "10"`,
    );
  });

  it('heartbeat', () => {
    expect(faultOf({ heartbeat: true })).toBe(
      'RoomHandler: heartbeat must be a whole number of milliseconds from 1 to 2147483647, or Infinity for no limit; ' +
        'below timeout; or false for no pings, not true',
    );
  });

  it.each(['validateUtf8', 'compress', 'earlyValidateUpgrade'])('%s', (name) => {
    expect(faultOf({ [name]: 1 })).toBe(`RoomHandler: ${name} must be true or false, not 1`);
  });

  it('protocols', () => {
    expect(faultOf({ protocols: 'chat' })).toBe(
      'RoomHandler: protocols must be a list of subprotocol names (HTTP tokens), or a function that chooses one, not "chat"',
    );
  });

  it('checkOrigin', () => {
    expect(faultOf({ checkOrigin: true })).toBe(
      "RoomHandler: checkOrigin must be 'same-host', a list of origins such as 'https://example.com', a function, or false, not true",
    );
  });

  it('options that are no object', () => {
    expect(faultOf(null as never)).toBe('RoomHandler: the options must be an object, not null');
    expect(() => resolveDrainer(null as never)).toThrow('drainer must be an object, not null');
  });

  it('a heartbeat that never comes before the timeout', () => {
    expect(() => resolveOptions('RoomHandler', { timeout: 1_000, heartbeat: Infinity })).toThrow(
      'RoomHandler: heartbeat (Infinity ms) must be below timeout (1000 ms), or false for no pings',
    );
    expect(resolveOptions('x', { timeout: Infinity, heartbeat: 1_000 }).heartbeat).toBe(1_000);
  });

  it('deflateOptions.zlibDeflateOptions, asking zlib', () => {
    expect(faultOf({ deflateOptions: { zlibDeflateOptions: { level: 99 } } })).toContain(
      'RoomHandler: deflateOptions.zlibDeflateOptions: The value of "options.level" is out of range.',
    );
  });

  it('deflateOptions', () => {
    expect(faultOf({ deflateOptions: { serverMaxWindowBits: 8 } })).toBe(
      'RoomHandler: deflateOptions.serverMaxWindowBits must be a whole number of bits from 9 to 15, not 8',
    );
  });

  it.each<[keyof DrainerOptions, unknown, string]>([
    ['batchSize', 0, 'connections'],
    ['batchInterval', 0, 'milliseconds'],
    ['shutdown', 0, 'milliseconds'],
    ['code', 1005, 'close code'],
  ])('drainer.%s', (name, value, unit) => {
    const message = configError(() => resolveDrainer({ [name]: value }));
    expect(message).toContain(`drainer.${name} must be`);
    expect(message).toContain(unit);
    expect(message).toContain(`not ${String(value)}`);
  });
});

describe('a limit', () => {
  const limits = OPTION_NAMES.filter((name) => /timeout|max|heartbeat/i.test(name));

  it.each(limits)('%s takes 1, 2 147 483 647 and Infinity', (name) => {
    for (const value of [1, MAX_INT32, Infinity]) checkOptions({ [name]: value }, 'here');
  });

  it.each(limits)('%s takes neither 0 nor what is no whole number in the range', (name) => {
    for (const value of [0, -1, 0.5, MAX_INT32 + 1, -Infinity, NaN, '1', null, {}]) {
      expect(faultOf({ [name]: value })).toContain(`${name} must be a whole number`);
    }
  });
});

describe('an unknown option', () => {
  it('is named, with those that are known', () => {
    const message = faultOf({ timeOut: 5 });
    expect(message).toContain('unknown option timeOut');
    for (const name of OPTION_NAMES) expect(message).toContain(name);
  });

  it('inherited from Object is as unknown as any', () => {
    expect(faultOf({ constructor: 1 })).toContain('unknown option constructor');
  });

  it('is found among the nested ones', () => {
    expect(faultOf({ deflateOptions: { level: 9 } })).toContain('unknown option deflateOptions.level');
  });
});

describe('protocols', () => {
  it.each(['', 'two words', 'a,b', 'ümlaut'])('refuses the name %j', (name) => {
    expect(faultOf({ protocols: [name] })).toContain('protocols must be');
  });

  it('takes tokens, none, and a function', () => {
    for (const protocols of [['graphql-transport-ws', 'v1.chat'], [], () => undefined])
      checkOptions({ protocols }, 'here');
  });
});

describe('checkOrigin', () => {
  it.each([
    'example.com',
    'https://example.com/',
    'https://example.com/path',
    'https://EXAMPLE.com',
    '*',
    '',
  ])('refuses %j, which is no origin as browsers send it', (origin) => {
    expect(faultOf({ checkOrigin: [origin] })).toContain('checkOrigin must be');
  });

  it("takes origins, 'same-host', false and a function", () => {
    for (const checkOrigin of [
      ['https://example.com', 'http://localhost:3000'],
      'same-host' as const,
      false as const,
      () => true,
    ])
      checkOptions({ checkOrigin }, 'here');
  });
});
