import { connectAsync } from 'mqtt';

// The official client: tells a temperature each second, and shows those of all devices.
const name = process.argv[2] ?? 'kitchen';
const client = await connectAsync(`ws://localhost:${process.env.PORT ?? 3000}/mqtt/${name}`, {
  clientId: name,
  will: { topic: `devices/${name}/status`, payload: Buffer.from('lost'), qos: 1, retain: true },
});
client.on('message', (topic, payload) => console.log(topic, payload.toString()));
client.on('reconnect', () => console.log('comes back'));
await client.subscribeAsync('devices/#', { qos: 1 });
await client.publishAsync(`devices/${name}/status`, 'here', { qos: 1, retain: true });

let temperature = 20;
setInterval(() => {
  temperature += Math.random() - 0.5;
  if (client.connected) client.publish(`devices/${name}/temperature`, temperature.toFixed(1));
}, 1_000);
