import uws, { type WebSocketBehavior } from '@trufflesuite/uws-js-unofficial';
import { COUNT } from '../work.js';
import { chosen, ready, work } from './ready.js';

const app = uws.App();
const topic = 'everybody';
let received = 0;

const broadcast: WebSocketBehavior<unknown> = {
  open: (socket) => void socket.subscribe(topic),
  message: (_socket, message, isBinary) => void app.publish(topic, message, isBinary),
};

const behavior = chosen<WebSocketBehavior<unknown>>({
  echo: {
    message: (socket, message, isBinary) => void socket.send(message, isBinary),
  },
  receive: {
    message: (socket, message, isBinary) => {
      if (!isBinary && Buffer.from(message).toString() === COUNT) socket.send(`${received}`);
      else received++;
    },
  },
  broadcast,
  topic: broadcast,
});

app.ws(`/${work}`, {
  // It drops what is larger, or waits past the second limit; by default at 16 and 64 KiB.
  maxPayloadLength: 10_000_000,
  maxBackpressure: 1_048_576,
  ...behavior,
});
app.listen('127.0.0.1', 0, (socket) => ready(uws.us_socket_local_port(socket)));
