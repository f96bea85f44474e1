export * from './core.js';
export { Upgradable } from './nest/upgradable.decorator.js';
export { upgrade, type UpgradeOptions } from './nest/upgrade.js';
export {
  OnControl,
  OnIn,
  OnInfo,
  OnInit,
  OnTerminate,
  OnUpgrade,
  WebSockHandler,
} from './nest/websock.decorators.js';
export type {
  CallbackDecorator,
  WebSockHandlerOptions,
  WebSockHandlerRoute,
} from './nest/websock.decorators.js';
export { WebSockModule } from './nest/websock.module.js';
export type { WebSockModuleAsyncOptions } from './nest/websock.module.js';
