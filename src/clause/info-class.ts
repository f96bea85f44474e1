import { ConfigError } from '../websock/errors.js';
import type { InfoClass } from './pattern.js';

// A fixed string, never a symbol: the package is loaded twice where ESM and CommonJS meet.
const NAME = 'websock:info';

/** Gives a class the name under which its instances travel. */
export function setInfoName(infoClass: InfoClass, name: string): void {
  if (typeof name !== 'string' || name === '') {
    throw new ConfigError(
      'WEBSOCK_INFO_NAME',
      `@InfoMessage() on ${infoClass.name} needs a name, such as 'posts.created'`,
    );
  }
  Object.defineProperty(infoClass, NAME, { value: name, configurable: true });
}

/**
 * The name under which instances of a class travel: that of its own `@InfoMessage()`, else the class's.
 *
 * @throws ConfigError `WEBSOCK_INFO_NAME` for an anonymous class
 */
export function infoName(infoClass: InfoClass): string {
  const given = Object.getOwnPropertyDescriptor(infoClass, NAME)?.value as string | undefined;
  const name = given ?? infoClass.name;
  if (name !== '') return name;
  throw new ConfigError(
    'WEBSOCK_INFO_NAME',
    "an anonymous class has no name to send its instances under; name it, or give it @InfoMessage('…')",
  );
}

/** The classes that `@OnInfo()` methods take, by their names: how an instance is recognised on another node. */
export class InfoClasses {
  readonly #classes = new Map<string, InfoClass>();
  readonly #names = new Map<object, string>();

  /** @throws ConfigError `WEBSOCK_INFO_NAME` when another class has the name already, or the class has none */
  add(infoClass: InfoClass): void {
    const name = infoName(infoClass);
    const other = this.#classes.get(name);
    if (other !== undefined && other !== infoClass) throw taken(name, other, infoClass);
    this.#classes.set(name, infoClass);
    this.#names.set(infoClass.prototype as object, name);
  }

  /** The name of an instance's class, or of the nearest one that its class extends; undefined: none is known. */
  nameOf(instance: unknown): string | undefined {
    if (typeof instance !== 'object') return undefined;
    let prototype = instance;
    while (prototype !== null) {
      const name = this.#names.get(prototype);
      if (name !== undefined) return name;
      prototype = Object.getPrototypeOf(prototype) as object | null;
    }
    return undefined;
  }

  classOf(name: string): InfoClass | undefined {
    return this.#classes.get(name);
  }
}

function taken(name: string, first: InfoClass, second: InfoClass): ConfigError {
  const classes =
    first.name === second.name ? `two classes ${first.name}` : `${first.name} and ${second.name}`;
  return new ConfigError(
    'WEBSOCK_INFO_NAME',
    `${classes} are both sent under the name ${JSON.stringify(name)}; give one of them another with @InfoMessage('…')`,
  );
}
