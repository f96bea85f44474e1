import { buildSchema, GraphQLError } from 'graphql';
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

/** What graphql-ws asks for; the context of every operation is the `Visit` of its connection. */
export function operationsOn(polls: PollsService): Pick<ServerOptions, 'schema' | 'roots'> {
  return {
    schema,
    roots: {
      query: {
        me: (_args: object, { voter }: Visit) => voter,
        tally: (_args: object, { poll }: Visit) => polls.tally(poll),
      },
      mutation: {
        vote({ choice }: { choice: string }, { poll, voter }: Visit) {
          if (choice.trim() === '') throw new GraphQLError('Vote for something.');
          return polls.vote(poll, voter, choice);
        },
      },
      subscription: {
        tally: (_args: object, { poll }: Visit) => polls.follow(poll),
      },
    },
  };
}
