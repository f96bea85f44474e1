/** What a listener answers: what it was asked for, or what was wrong. */
export type Answer<Value> = { readonly value: Value } | { readonly error: string };

/** What a team thinks how long something takes. */
export interface Round {
  readonly question: string;
  /** In days, the shortest first; nobody says whose. */
  readonly estimates: readonly number[];
}

/** A client may send anything: `answering` checks it. */
export interface FromClient {
  /** Asks all of the team, the asker too, and answers when they have. */
  ask: (question: string, done: (answer: Answer<Round>) => void) => void;
  /** Shows the others of the team a picture, and answers how many they are. */
  sketch: (picture: Uint8Array, done: (answer: Answer<number>) => void) => void;
}

export interface FromServer {
  came: (name: string) => void;
  left: (name: string) => void;
  estimate: (question: string, asker: string, answer: (days: number) => void) => void;
  round: (round: Round) => void;
  sketch: (picture: Buffer, from: string) => void;
}

/** The namespace /lobby: how many there are of each team. */
export interface FromLobby {
  teams: (sizes: Readonly<Record<string, number>>) => void;
}
