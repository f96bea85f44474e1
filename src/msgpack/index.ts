/**
 * MessagePack as the codec of connections, through msgpackr.
 *
 * @module nestjs-websock/msgpack
 */
export { messagePack } from './message-pack.js';
