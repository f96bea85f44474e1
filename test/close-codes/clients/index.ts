import type { Client } from './client.js';
import { graphqlWs } from './graphql-ws.js';
import { mqtt } from './mqtt.js';
import { ocppRpc } from './ocpp-rpc.js';
import { phoenix } from './phoenix.js';
import { socketIo } from './socket.io.js';
import { supabaseRealtime } from './supabase-realtime.js';
import { trpc } from './trpc.js';
import { yWebsocket } from './y-websocket.js';

export const CLIENTS: readonly Client[] = [
  phoenix,
  supabaseRealtime,
  graphqlWs,
  trpc,
  socketIo,
  yWebsocket,
  mqtt,
  ocppRpc,
];
