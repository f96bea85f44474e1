import type { AbstractHttpAdapter, ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { isClass } from '../clause/pattern.js';
import type { WebSockServer } from '../server/websock-server.js';
import { ConfigError } from '../websock/errors.js';
import { collide, DeclaredRoutes, routerTraits, type GetRoute } from './declared-routes.js';
import { gatewayPaths, passthroughPaths } from './other-paths.js';
import { scopeOfRoute } from './handler-instances.js';
import type { InstanceWrapper, NestModuleRef, Type } from './nest-types.js';
import { prepareHandler, type HandlerSetting, type PreparedHandler } from './prepared-handler.js';
import { RouteMatcher } from './route-matcher.js';
import { checkOtherPaths, makeClaims } from './shared-server.js';
import { isUpgradable } from './upgradable.decorator.js';
import { UpgradeDecision } from './upgrade-decision.js';
import { makeUpgradeRoute } from './upgrade-route.js';
import { exploreHandlers, routeEnhancers, type FoundHandler } from './websock.explorer.js';

/** The app that handlers are served by. */
export interface ServingApp extends HandlerSetting {
  readonly modules: ModulesContainer;
  readonly httpAdapter: AbstractHttpAdapter;
  readonly server: WebSockServer;
  readonly passthrough: readonly string[];
}

/** A handler, and where it is served: nowhere but by `upgrade()` when it has no path. */
export interface ServedHandler {
  readonly name: string;
  readonly paths: readonly string[];
}

/**
 * Makes each handler known to `upgrade()`, and gives it a route where it has a path. Runs when all providers exist and
 * before the router reads the controllers.
 *
 * @throws ConfigError for anything that is wrong with a handler or its paths
 */
export function serveHandlers(app: ServingApp): ServedHandler[] {
  checkPlatform(app.httpAdapter);
  const found = exploreHandlers(app.modules);
  const routes = new Map<Type, FoundHandler>();
  for (const handler of found) {
    const prepared = prepareHandler(handler, app);
    app.server.handlers.set(handler.handlerClass, prepared);
    app.server.largestMessage = Math.max(app.server.largestMessage, prepared.options.maxMessageSize);
    if (prepared.instances === undefined) app.server.handlers.set(handler.wrapper.instance, prepared);
    for (const { pattern } of prepared.handler.methodsOf.handleInfo)
      if (isClass(pattern)) app.server.infoClasses.add(pattern);
    if (handler.metadata.paths.length > 0) routes.set(addRoute(handler, prepared, app), handler);
  }
  const declared = new DeclaredRoutes(app.modules, app.config, routerTraits(app.httpAdapter)).all();
  checkCollisions(declared, routes);
  shareServer(app, declared, routes);
  const pathsOf = new Map([...routes].map(([route, handler]) => [handler, pathsServedBy(route, declared)]));
  return found.map((handler) => ({ name: handler.handlerClass.name, paths: pathsOf.get(handler) ?? [] }));
}

function addRoute(found: FoundHandler, prepared: PreparedHandler, { config, httpAdapter }: ServingApp): Type {
  const { handlerClass, metadata, module } = found;
  const { upgradeMethod } = prepared.handler;
  const decision = new UpgradeDecision(prepared, httpAdapter);
  const enhancers = [...globalEnhancers(config), ...routeEnhancers(found, upgradeMethod)];
  const scope = scopeOfRoute(found, enhancers);
  const route = makeUpgradeRoute(handlerClass, { ...metadata, scope }, upgradeMethod, decision);
  addController(route, module, enhancers);
  return route;
}

/** Those that Nest instantiates for each request, or for each controller. */
function globalEnhancers(config: ApplicationConfig): InstanceWrapper[] {
  return [
    ...config.getGlobalRequestGuards(),
    ...config.getGlobalRequestInterceptors(),
    ...config.getGlobalRequestPipes(),
    ...config.getGlobalRequestFilters(),
  ];
}

/** Express throws on the first request of HTTP/2: it swaps the prototypes of Node's request and response for those of HTTP/1.1. */
function checkPlatform(httpAdapter: AbstractHttpAdapter): void {
  const server = httpAdapter.getHttpServer() as object | undefined;
  if (httpAdapter.getType() !== 'express' || server === undefined || !('updateSettings' in server)) return;
  throw new ConfigError(
    'WEBSOCK_HTTP2_ON_EXPRESS',
    'The app runs Express on an HTTP/2 server, which Express cannot serve: use FastifyAdapter({ http2: true }) of ' +
      '@nestjs/platform-fastify, or an HTTP/1.1 server',
  );
}

function addController(route: Type, module: NestModuleRef, enhancers: readonly InstanceWrapper[]): void {
  module.addController(route);
  const wrapper = module.controllers.get(route)!;
  wrapper.instance = new route();
  // The scanner has done this for all other controllers; without it those with a scope would be left out.
  for (const enhancer of enhancers) wrapper.addEnhancerMetadata(enhancer);
}

/** Settles which upgrade requests are ours where gateways, GraphQL and the like listen too. */
function shareServer(
  { modules, config, httpAdapter, server, passthrough }: ServingApp,
  declared: readonly GetRoute[],
  routes: ReadonlyMap<Type, FoundHandler>,
): void {
  const ours = declared.filter(({ controller }) => routes.has(controller));
  const handlers = new RouteMatcher(ours, httpAdapter);
  const others = [...gatewayPaths(modules, config), ...passthroughPaths(passthrough)];
  checkOtherPaths(handlers, others);
  server.claims = makeClaims(handlers, others, new RouteMatcher(declared.filter(isUpgradable), httpAdapter));
}

function pathsServedBy(route: Type, declared: readonly GetRoute[]): string[] {
  return declared.filter(({ controller }) => controller === route).map(({ path }) => path);
}

function checkCollisions(declared: readonly GetRoute[], routes: ReadonlyMap<Type, FoundHandler>): void {
  for (const ours of declared) {
    const handler = routes.get(ours.controller);
    if (handler === undefined) continue;
    const other = declared.find((route) => route !== ours && collide(ours, route));
    if (other !== undefined) throw collision(handler, ours, other, routes.get(other.controller));
  }
}

function collision(
  { handlerClass, module }: FoundHandler,
  { path }: GetRoute,
  theirs: GetRoute,
  other: FoundHandler | undefined,
): ConfigError {
  const { name } = handlerClass;
  if (other === undefined) {
    return new ConfigError(
      'WEBSOCK_ROUTE_ON_PATH',
      `GET ${path} is served by ${theirs.controller.name}.${theirs.method}() and declared by @WebSockHandler ${name}: ` +
        `move the route to another path, or drop the path from ${name} and call upgrade() in the route`,
    );
  }
  const remedy =
    other.handlerClass === handlerClass
      ? 'provide it in one module and export it from there'
      : 'give one of them another path, version or host';
  return new ConfigError(
    'WEBSOCK_PATH_TAKEN',
    `${path} is declared by ${name} in ${module.name} and by ${other.handlerClass.name} in ${other.module.name}: ${remedy}`,
  );
}
