import { Aedes } from 'aedes';
import { connect } from 'mqtt';
import { createWebSocketStream } from 'ws';
import type { Client } from './client.js';

export const mqtt: Client = {
  name: 'mqtt',

  serve(socket, subscribed) {
    const broker = new Aedes();
    broker.on('subscribe', subscribed);
    socket.on('close', () => broker.close());
    const stream = createWebSocketStream(socket);
    void broker.listen().then(() => broker.handle(stream));
  },

  async connect(url, tell) {
    const client = connect(url);
    client.on('connect', () => tell('connect'));
    client.on('close', () => tell('close'));
    client.on('offline', () => tell('offline'));
    client.on('reconnect', () => tell('reconnect'));
    client.on('error', () => tell('error'));
    client.on('end', () => tell('end'));
    await client.subscribeAsync('news');
    return () => client.end(true);
  },
};
