import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';

/** How long the next word takes, ms. */
const THINKING = 60;

/** A pretend one. A real one streams over HTTP; it takes the same `signal`. */
@Injectable()
export class LanguageModel {
  /** Answers being written. */
  busy = 0;

  /** The answer, word by word. */
  async *complete(prompt: string, signal: AbortSignal): AsyncGenerator<string> {
    this.busy++;
    try {
      for (const word of answerTo(prompt).split(/(?<= )/)) {
        await setTimeout(THINKING, undefined, { signal });
        yield word;
      }
    } finally {
      this.busy--;
    }
  }
}

function answerTo(prompt: string): string {
  return (
    `You ask: “${prompt}” I am only words on a timer, but they come as the words of a model do: ` +
    'each is a result that the callback yields, and the next one is asked for when this one has left. ' +
    'Close the page while I am talking, and I stop: the signal of the connection aborts, and my finally runs.'
  );
}
