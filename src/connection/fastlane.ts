import { jsonCodec, type Codec } from '../websock/codec.js';
import { ResultError } from '../websock/errors.js';
import type { Message } from '../websock/message.js';
import { Fault, onceInATick, type Outgoing } from './outgoing.js';

/**
 * Checks, encodes and frames what a fastlane function made, once in a tick for all connections that get it.
 *
 * @throws ResultError
 */
export function checkFastlaned(message: Message, codec: Codec = jsonCodec): Outgoing {
  try {
    return onceInATick(message, codec);
  } catch (error) {
    throw error instanceof Fault ? new ResultError('fastlane', error.message, { cause: error.cause }) : error;
  }
}
