import { OnIn, OnInit, push, text, WebSockHandler, type DataMessage } from 'nestjs-websock';
import { PeopleService } from './people.service.js';

/** A client sends a name and is told what that person did; `slow …` takes its time, and `fail` does. */
@WebSockHandler('people', { slowCallback: 500 })
export class LookupHandler {
  constructor(private readonly people: PeopleService) {}

  @OnInit()
  open() {
    return push(text('Send ada, grace, slow ada, or fail.'), 0);
  }

  @OnIn()
  async lookUp([, data]: DataMessage, asked: number) {
    const words = data.toString().toLowerCase().split(' ');
    if (words[0] === 'fail') throw new Error('as you wish');
    const found = await this.people.find(words.at(-1)!, words[0] === 'slow' ? 800 : 5);
    return push(text(found ?? 'nobody knows'), asked + 1);
  }
}
