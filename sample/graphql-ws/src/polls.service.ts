import { Injectable } from '@nestjs/common';
import { PubSub } from 'nestjs-websock';

export interface Count {
  readonly choice: string;
  readonly votes: number;
}

/** As the subscription's field wants it. */
export interface TallyChanged {
  readonly tally: readonly Count[];
}

/** Who votes for what. A voter has one vote, and may change it. */
@Injectable()
export class PollsService {
  private readonly polls = new Map<string, Map<string, string>>();

  constructor(private readonly pubsub: PubSub) {}

  vote(poll: string, voter: string, choice: string): readonly Count[] {
    const votes = this.polls.get(poll) ?? new Map<string, string>();
    this.polls.set(poll, votes.set(voter, choice));
    const tally = this.tally(poll);
    this.pubsub.broadcast(topicOf(poll), { tally });
    return tally;
  }

  tally(poll: string): readonly Count[] {
    const votes = new Map<string, number>();
    for (const choice of this.polls.get(poll)?.values() ?? [])
      votes.set(choice, (votes.get(choice) ?? 0) + 1);
    const counts = [...votes].map(([choice, count]) => ({ choice, votes: count }));
    return counts.sort((a, b) => b.votes - a.votes || a.choice.localeCompare(b.choice));
  }

  /** The tally now, then each new one. No async generator: one that waits for a vote could not be left before there is one. */
  follow(poll: string): AsyncIterableIterator<TallyChanged> {
    const changes = this.pubsub.messages<TallyChanged>(topicOf(poll));
    let first: TallyChanged | undefined = { tally: this.tally(poll) };
    return {
      next() {
        if (first === undefined) return changes.next();
        const value = first;
        first = undefined;
        return Promise.resolve({ done: false, value });
      },
      return: () => changes.return(),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}

function topicOf(poll: string): string {
  return `poll:${poll}`;
}
