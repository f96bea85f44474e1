import type { IncomingMessage } from 'node:http';
import { RequestMethod } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { mapToExcludeRoute } from '@nestjs/core/middleware/utils.js';
import { isRouteExcluded } from '@nestjs/core/router/utils/exclude-route.util.js';
import { pathOf } from '../upgrade/path.js';
import type { GetRoute } from './declared-routes.js';
import { HOST, readMetadata } from './nest-metadata.js';

type MatchingOptions = Parameters<typeof mapToExcludeRoute>[1];
type Test = (text: string) => boolean;

interface CompiledRoute {
  readonly route: GetRoute;
  readonly servesPath: Test;
  /** Undefined: any. */
  readonly servesHost: Test | undefined;
}

/** Syntax of Fastify's router that path-to-regexp does not read: patterns, optional parameters, a wildcard within a segment. */
const FASTIFY_ONLY = /[()?]|[^/]\*$/;

/**
 * Tells which of some routes a request reaches, by path and host as the framework's router would. Versions in a header do not
 * count: for none or a wrong one the app answers with 404.
 */
export class RouteMatcher {
  readonly #routes: readonly CompiledRoute[];
  readonly #isFastify: boolean;

  constructor(routes: readonly GetRoute[], httpAdapter: AbstractHttpAdapter) {
    this.#isFastify = httpAdapter.getType() === 'fastify';
    const options = (
      httpAdapter as { getRouteMatchingOptions?(): MatchingOptions }
    ).getRouteMatchingOptions?.();
    this.#routes = routes.map((route) => ({
      route,
      servesPath: pathTest(route.path, options),
      servesHost: hostTest(readMetadata(HOST, route.controller)),
    }));
  }

  /** Does a request reach one of the routes? */
  matches(request: IncomingMessage): boolean {
    const path = this.#routedPath(request);
    const hosts = hostnamesOf(request);
    return this.#routes.some(
      ({ servesPath, servesHost }) => servesPath(path) && (!servesHost || hosts.some(servesHost)),
    );
  }

  /** The route that takes a path on every host. */
  find(path: string): GetRoute | undefined {
    return this.#routes.find(({ servesPath, servesHost }) => !servesHost && servesPath(path))?.route;
  }

  /** Fastify decodes a path before it looks for the route, Express does not. */
  #routedPath(request: IncomingMessage): string {
    const path = pathOf(request);
    if (!this.#isFastify) return path;
    try {
      return decodeURI(path);
    } catch {
      return path;
    }
  }
}

/** By what Nest matches the routes of middleware and of prefix exclusions with. */
function pathTest(path: string, options: MatchingOptions): Test {
  if (FASTIFY_ONLY.test(path)) {
    const [start = ''] = path.split(/[:*(]/, 1);
    return (requested) => requested.startsWith(start);
  }
  const compiled = mapToExcludeRoute([{ path, method: RequestMethod.GET }], options);
  return (requested) => isRouteExcluded(compiled, requested, RequestMethod.GET);
}

function hostTest(host: string | RegExp | (string | RegExp)[] | undefined): Test | undefined {
  if (host === undefined) return undefined;
  const tests = [host].flat().map((one): Test => {
    if (typeof one !== 'string') return (requested) => requested.match(one) !== null;
    const isHost = pathTest(one, undefined);
    return (requested) => isHost(`/${requested}`);
  });
  return (requested) => tests.some((test) => test(requested));
}

/** The proxy's word too: whether it is trusted the app decides, with a 404. */
function hostnamesOf({ headers }: IncomingMessage): string[] {
  const forwarded = headers['x-forwarded-host'];
  return [headers.host, ...[forwarded ?? []].flat().flatMap((hosts) => hosts.split(','))]
    .filter((host) => host !== undefined)
    .map((host) => host.trim().replace(/:\d*$/, ''));
}
