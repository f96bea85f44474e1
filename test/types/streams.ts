import { Readable } from 'node:stream';
import { interval, Subject } from 'rxjs';
import type { CancelAttachment, Connection, StreamObserver } from 'nestjs-websock';

declare const connection: Connection;

async function* words() {
  yield 'word';
}

declare const ours: { subscribe(observer: StreamObserver<number>): { unsubscribe(): void } };
declare const lenient: {
  subscribe(observer?: { next?: (value: number) => void }): { unsubscribe(): void; closed: boolean };
};

// What a source gives is what its map takes.
const detach: CancelAttachment = connection.attach(interval(1_000), (n) => n.toFixed());
detach();
connection.attach(new Subject<string>(), (word) => word.length, { name: 'words', overflow: 'drop-oldest' });
connection.attach(words(), (word) => word.length);
connection.attach(ours, (n) => n.toFixed());
connection.attach(lenient, (n) => n.toFixed());
connection.attach(Readable.from(['a']));
connection.attach(Readable.from(['a']), (word: string) => word.length);
connection.attach(new ReadableStream<Uint8Array>(), (bytes) => bytes.byteLength);

// @ts-expect-error a list is no stream
connection.attach([1, 2]);
// @ts-expect-error a promise is no stream
connection.attach(Promise.resolve(1));
// @ts-expect-error no such overflow
connection.attach(interval(1), undefined, { overflow: 'drop' });
// @ts-expect-error no such option
connection.attach(interval(1), undefined, { names: 'x' });
// @ts-expect-error its values are numbers
connection.attach(interval(1), (word: string) => word);
