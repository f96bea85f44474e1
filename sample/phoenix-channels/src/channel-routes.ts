import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { PhoenixChannel, type Channel } from './channel.js';
import { MAX_FIELD_BYTES } from './frame.js';

/** Which channel serves a topic: all providers that `@PhoenixChannel()` decorates. */
@Injectable()
export class ChannelRoutes implements OnModuleInit {
  private routes: (readonly [pattern: string, channel: Channel])[] = [];

  constructor(private readonly discovery: DiscoveryService) {}

  onModuleInit() {
    this.routes = this.discovery
      .getProviders({ metadataKey: PhoenixChannel.KEY })
      .map((found) => [this.discovery.getMetadataByDecorator(PhoenixChannel, found)!, found.instance]);
  }

  /** None for a topic that is empty, or too long to stand beside bytes. */
  find(topic: string): Channel | undefined {
    if (topic === '' || Buffer.byteLength(topic) > MAX_FIELD_BYTES) return undefined;
    return this.routes.find(([pattern]) => matches(pattern, topic))?.[1];
  }
}

function matches(pattern: string, topic: string): boolean {
  return pattern.endsWith('*') ? topic.startsWith(pattern.slice(0, -1)) : topic === pattern;
}
