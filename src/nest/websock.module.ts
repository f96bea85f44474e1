import {
  ConfigurableModuleBuilder,
  Module,
  type ConfigurableModuleAsyncOptions,
  type DynamicModule,
} from '@nestjs/common';
import { WebSockCoreModule } from './websock-core.module.js';
import { OPTIONS, type WebSockModuleOptions } from './root-options.js';

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<WebSockModuleOptions>({
  optionsInjectionToken: OPTIONS,
})
  .setClassMethodName('forRoot')
  .setExtras({}, (definition) => ({ ...definition, global: true, exports: [OPTIONS] }))
  .build();

/** How `forRootAsync` gets at the options: `useFactory` with `inject`, or a class with `create()`. */
export type WebSockModuleAsyncOptions = ConfigurableModuleAsyncOptions<WebSockModuleOptions>;

/**
 * Serves the handlers of the app. `imports: [WebSockModule]` is enough, in any module and any number of them; handlers are
 * found wherever they are provided. `WebSockServer`, `Connections`, `PubSub` and `Presence` can be injected everywhere.
 */
@Module({ imports: [WebSockCoreModule] })
export class WebSockModule extends ConfigurableModuleClass {
  /**
   * Sets how the app shuts down, and the defaults of all handlers. Once, in the root module; elsewhere import
   * `WebSockModule` bare.
   *
   * @throws ConfigError at boot, for an option that is no good and for a second `forRoot`
   */
  static override forRoot(options: WebSockModuleOptions = {}): DynamicModule {
    return super.forRoot(options);
  }

  /** The same, with options that come from other providers. */
  static override forRootAsync(options: WebSockModuleAsyncOptions): DynamicModule {
    return super.forRootAsync(options);
  }
}
