import { buildSchema, GraphQLError, parse } from 'graphql';
import type { ServerOptions } from 'graphql-ws';
import type { PollsService } from './polls.service.js';

/** Who votes on what: for all operations of a connection. */
export interface Visit {
  readonly poll: string;
  readonly voter: string;
}

const schema = buildSchema(`
  type Count {
    choice: String!
    votes: Int!
  }
  type Query {
    me: String!
    tally: [Count!]!
  }
  type Mutation {
    vote(choice: String!): [Count!]!
  }
  type Subscription {
    "The tally now, and whenever it changes."
    tally: [Count!]!
  }
`);

/** Of an operation, at most: to look at one takes up to the square of them, and everybody waits. */
const MAX_TOKENS = 1_000;

/** What graphql-ws asks for; the context of every operation is the `Visit` of its connection. */
export function operationsOn(polls: PollsService): Pick<ServerOptions, 'schema' | 'parse' | 'roots'> {
  return {
    schema,
    parse: (query) => parse(query, { maxTokens: MAX_TOKENS }),
    roots: {
      query: {
        me: (_args: object, { voter }: Visit) => voter,
        tally: (_args: object, { poll }: Visit) => polls.tally(poll),
      },
      mutation: {
        vote({ choice }: { choice: string }, { poll, voter }: Visit) {
          if (choice.trim() === '') throw new GraphQLError('Vote for something.');
          if (choice.length > 100) throw new GraphQLError('Vote for something shorter.');
          return polls.vote(poll, voter, choice);
        },
      },
      subscription: {
        tally: (_args: object, { poll }: Visit) => polls.follow(poll),
      },
    },
  };
}
