/**
 * The Nest module, its decorators, and all of `nestjs-websock/core`.
 *
 * @module nestjs-websock
 */
export * from './core.js';
export type { InvalidMessage } from './nest/invalid-message.js';
export type { MessageEnhancer, MessageEnhancerOptions } from './nest/message-enhancers.js';
export type { WebSockModuleOptions } from './nest/root-options.js';
export { State } from './nest/state.decorator.js';
export { Upgradable } from './nest/upgradable.decorator.js';
export { upgrade, type UpgradeOptions } from './nest/upgrade.js';
export {
  InfoMessage,
  OnControl,
  OnIn,
  OnInfo,
  OnInit,
  OnSocket,
  OnTerminate,
  OnUpgrade,
  WebSockHandler,
} from './nest/websock.decorators.js';
export type {
  AcceptsMessage,
  CallbackDecorator,
  MessageDecorator,
  SocketDecorator,
  WebSockHandlerOptions,
  WebSockHandlerRoute,
} from './nest/websock.decorators.js';
export type { InfoClass } from './clause/pattern.js';
export { WebSockModule } from './nest/websock.module.js';
export type { WebSockModuleAsyncOptions } from './nest/websock.module.js';
