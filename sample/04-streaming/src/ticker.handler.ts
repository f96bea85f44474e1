import {
  Connection,
  json,
  ok,
  OnIn,
  OnInfo,
  OnInit,
  push,
  WebSockHandler,
  type CancelAttachment,
  type DataMessage,
} from 'nestjs-websock';
import { MarketService, type Quote } from './market.service.js';

/** What a connection remembers: how to stop the stream that it has. */
interface State {
  readonly leave: CancelAttachment;
}

/** An Observable, attached: quotes come as they come, and the client can speak all the while. */
@WebSockHandler('ticker')
export class TickerHandler {
  constructor(private readonly market: MarketService) {}

  @OnInit()
  open(_request: unknown, connection: Connection) {
    return ok({ leave: this.watch('ACME', connection)! });
  }

  /** The client names another symbol. */
  @OnIn()
  choose([, symbol]: DataMessage, state: State, connection: Connection) {
    const leave = this.watch(String(symbol), connection);
    if (leave === undefined) return push(json({ error: `${String(symbol)} is not traded here` }), state);
    state.leave();
    return ok({ leave });
  }

  /** One value of the stream. */
  @OnInfo()
  tell(quote: Quote, state: State) {
    return push(json(quote), state);
  }

  private watch(symbol: string, connection: Connection): CancelAttachment | undefined {
    const quotes = this.market.watch(symbol);
    // Of prices only the newest matter: for a client that cannot keep up old ones make room.
    return quotes && connection.attach(quotes, undefined, { name: symbol, overflow: 'drop-oldest' });
  }
}
