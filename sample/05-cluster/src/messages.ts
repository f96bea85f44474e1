import { InfoMessage } from 'nestjs-websock';
import { z } from 'zod';

/** What a client may say. Anything else is answered, and the connection stays. */
export const Say = z.object({ say: z.string().trim().min(1).max(500) });

/** A post, on its way to everybody in the room, on whatever node: there it is an instance of this class again. */
@InfoMessage('chat.said')
export class Said {
  constructor(
    readonly name: string,
    readonly text: string,
    readonly at: number,
  ) {}
}

/** Somebody in the room; more than one node has them when they have several windows open. */
export interface Person {
  readonly name: string;
  readonly nodes: readonly string[];
}

/** A node as pages know it. */
export interface NodeAddress {
  readonly name: string;
  /** Where its WebSockets are: `localhost:3000`. */
  readonly host: string;
}

/** What the server tells a client, as JSON. */
export type ServerMessage =
  | { type: 'welcome'; node: string; nodes: readonly NodeAddress[]; people: readonly Person[] }
  | { type: 'people'; people: readonly Person[] }
  | { type: 'said'; name: string; text: string; at: number }
  /** Posts of other nodes may have been lost: the broker was away. */
  | { type: 'gap' };
