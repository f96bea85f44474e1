import type { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { isAtOrBelow } from '../upgrade/path.js';
import { GATEWAY, GATEWAY_OPTIONS, GATEWAY_PORT, readMetadata } from './nest-metadata.js';
import type { InstanceWrapper } from './nest-types.js';

/** A path whose upgrade requests are for others. */
export interface OtherPath {
  readonly path: string;
  /** Who says so: `the gateway ChatGateway`. */
  readonly owner: string;
  /** Does a request's path belong to it? */
  holds(path: string): boolean;
}

/** The adapter of the app's gateways, as far as it tells how they are reached. */
interface GatewayAdapter {
  /** WsAdapter has it. */
  readonly wsServersRegistry?: unknown;
  /** IoAdapter has it. */
  readonly createIOServer?: unknown;
}

export function passthroughPaths(paths: readonly string[]): OtherPath[] {
  return paths.map((path) => below(path, `the module option passthrough`));
}

/** The paths of the gateways on the app's own port. */
export function gatewayPaths(modules: ModulesContainer, config: ApplicationConfig): OtherPath[] {
  const wrappers = [...modules.values()].flatMap(({ providers }) => [...providers.values()]);
  const adapter = Object(config.getIoAdapter()) as GatewayAdapter;
  return wrappers
    .filter(isGateway)
    .flatMap(({ metatype }) => pathOfGateway(metatype as object, adapter) ?? []);
}

function isGateway({ metatype, isNotMetatype }: InstanceWrapper): boolean {
  return (
    !isNotMetatype &&
    typeof metatype === 'function' &&
    readMetadata(GATEWAY, metatype) === true &&
    !readMetadata(GATEWAY_PORT, metatype)
  );
}

/** Undefined for an adapter that is neither and a gateway that does not say. */
function pathOfGateway(gateway: object, adapter: GatewayAdapter): OtherPath | undefined {
  const { path } = readMetadata<{ path?: string }>(GATEWAY_OPTIONS, gateway) ?? {};
  const owner = `the gateway ${(gateway as { name: string }).name}`;
  if (adapter.wsServersRegistry !== undefined) return exactly(normalized(path ?? ''), owner);
  const socketIoPath = path ?? (adapter.createIOServer === undefined ? undefined : '/socket.io');
  return socketIoPath === undefined ? undefined : below(normalized(socketIoPath), owner);
}

function exactly(path: string, owner: string): OtherPath {
  return { path, owner, holds: (requested) => requested === path };
}

function below(path: string, owner: string): OtherPath {
  return { path, owner, holds: (requested) => isAtOrBelow(requested, path) };
}

/** As WsAdapter does it: one slash before, none behind. */
function normalized(path: string): string {
  return `/${path.replace(/^\/+|\/+$/g, '')}`;
}
