import { RequestMethod, VersioningType } from '@nestjs/common';
import type { AbstractHttpAdapter, ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { RoutePathFactory } from '@nestjs/core/router/route-path-factory.js';
import { HOST, METHOD, methodNames, MODULE_PATH, PATH, readMetadata, VERSION } from './nest-metadata.js';
import type { NestModuleRef, Type, VersionValue } from './nest-types.js';

type RoutePathMetadata = Parameters<RoutePathFactory['create']>[0];

/** A route that answers GET, as the router will serve it. */
export interface GetRoute {
  readonly controller: Type;
  readonly method: string;
  readonly module: NestModuleRef;
  /** With prefix, module path and URI version. */
  readonly path: string;
  /** The same for paths that the router cannot tell apart. */
  readonly shape: string;
  /** What else must fit; `undefined` is a host or version of its own: any. */
  readonly hosts: readonly unknown[];
  readonly versions: readonly unknown[];
}

/** How a framework's router tells routes apart. */
export interface RouterTraits {
  readonly knowsHosts: boolean;
  readonly isCaseSensitive: boolean;
}

/** Fastify does not look at hosts, Express not at the case of letters unless told to. */
export function routerTraits(httpAdapter: AbstractHttpAdapter): RouterTraits {
  if (httpAdapter.getType() === 'fastify') return { knowsHosts: false, isCaseSensitive: true };
  const express = httpAdapter.getInstance<{ enabled?(setting: string): boolean }>();
  return { knowsHosts: true, isCaseSensitive: express.enabled?.('case sensitive routing') ?? false };
}

/** Reads off the controllers which GET routes Nest's router will make of them. */
export class DeclaredRoutes {
  readonly #modules: ModulesContainer;
  readonly #config: ApplicationConfig;
  readonly #paths: RoutePathFactory;
  readonly #traits: RouterTraits;

  constructor(modules: ModulesContainer, config: ApplicationConfig, traits: RouterTraits) {
    this.#modules = modules;
    this.#config = config;
    this.#paths = new RoutePathFactory(config);
    this.#traits = traits;
  }

  /** In the order in which the router registers them. */
  all(): GetRoute[] {
    return [...this.#modules.values()].flatMap((module) =>
      [...module.controllers.values()].flatMap(({ metatype }) =>
        this.#ofController(metatype as Type, module),
      ),
    );
  }

  #ofController(controller: Type, module: NestModuleRef): GetRoute[] {
    const prototype = controller.prototype as Record<string, object>;
    return methodNames(prototype)
      .filter((method) => answersGet(prototype[method]!))
      .flatMap((method) => this.#ofMethod(controller, method, module));
  }

  #ofMethod(controller: Type, method: string, module: NestModuleRef): GetRoute[] {
    const target = (controller.prototype as Record<string, object>)[method]!;
    const versioning = this.#config.getVersioning();
    const controllerVersion =
      versioning && (readMetadata<VersionValue>(VERSION, controller) ?? versioning.defaultVersion);
    const methodVersion = readMetadata<VersionValue>(VERSION, target);
    // URI versions are in the path.
    const isFiltered = versioning !== undefined && versioning.type !== VersioningType.URI;
    const versions = isFiltered ? listOf(methodVersion ?? controllerVersion) : [undefined];
    const hosts = this.#traits.knowsHosts ? listOf(readMetadata(HOST, controller)) : [undefined];
    const common: RoutePathMetadata = {
      controllerVersion,
      methodVersion,
      versioningOptions: versioning,
      modulePath: this.#modulePath(module),
      globalPrefix: this.#globalPrefix(),
    };
    return pathsOf(controller)
      .flatMap((ctrlPath) => pathsOf(target).map((methodPath) => ({ ...common, ctrlPath, methodPath })))
      .flatMap((metadata) => this.#paths.create(metadata, RequestMethod.GET))
      .map((path) => ({ controller, method, module, path, shape: this.#shapeOf(path), hosts, versions }));
  }

  /** Parameters are the same whatever they are called. */
  #shapeOf(path: string): string {
    const shape = path.replace(/([:*])("[^"]*"|[\w$]+)/g, '$1');
    return this.#traits.isCaseSensitive ? shape : shape.toLowerCase();
  }

  #globalPrefix(): string {
    const prefix = this.#config.getGlobalPrefix();
    return prefix && withSlash(prefix);
  }

  /** As RouterModule sets it. */
  #modulePath({ metatype }: NestModuleRef): string | undefined {
    return (
      readMetadata(MODULE_PATH + this.#modules.applicationId, metatype) ?? readMetadata(MODULE_PATH, metatype)
    );
  }
}

/** Would a request for the one also reach the other? The first registered would answer it, or the framework refuses the second. */
export function collide(a: GetRoute, b: GetRoute): boolean {
  return a.shape === b.shape && overlap(a.hosts, b.hosts) && overlap(a.versions, b.versions);
}

function overlap(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.some((one) => b.some((other) => String(one) === String(other)));
}

function answersGet(method: object): boolean {
  if (readMetadata(PATH, method) === undefined) return false;
  const requestMethod = readMetadata<RequestMethod>(METHOD, method);
  return requestMethod === RequestMethod.GET || requestMethod === RequestMethod.ALL;
}

function pathsOf(target: object): string[] {
  return listOf(readMetadata<string | string[]>(PATH, target)).map((path) => withSlash(path ?? ''));
}

function withSlash(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}

function listOf<T>(value: T | T[] | undefined): (T | undefined)[] {
  return Array.isArray(value) ? value : [value];
}
