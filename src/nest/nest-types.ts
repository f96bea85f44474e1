import type { ControllerOptions } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

// Nest publishes these types only from paths that moved between 11 and 12.

/** A class. */
export type Type<T = any> = new (...args: any[]) => T;

/** A module of the app, as the container keeps it. */
export type NestModuleRef = ModulesContainer extends Map<string, infer M> ? M : never;

/** A provider or controller of a module. */
export type InstanceWrapper = NestModuleRef['providers'] extends Map<any, infer W> ? W : never;

/** A version, as `@Controller({ version })` takes it. */
export type VersionValue = Exclude<ControllerOptions['version'], undefined>;
