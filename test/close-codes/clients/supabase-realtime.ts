import { RealtimeClient, type RealtimeClientOptions } from '@supabase/realtime-js';
import { WebSocket } from 'ws';
import type { Client } from './client.js';
import { serveChannels } from './phoenix.js';

export const supabaseRealtime: Client = {
  name: '@supabase/realtime-js',
  serve: serveChannels,
  connect(url, tell) {
    const client = new RealtimeClient(url, {
      transport: WebSocket as unknown as RealtimeClientOptions['transport'],
      params: { apikey: 'none' },
    });
    return new Promise((resolve) => {
      client.channel('room').subscribe((status, error) => {
        tell(status, (error?.cause as { code?: number } | undefined)?.code);
        if (status === 'SUBSCRIBED') resolve(() => client.disconnect());
      });
    });
  },
};
