import { Injectable } from '@nestjs/common';
import { interval, map, scan, share, startWith, tap, type Observable } from 'rxjs';

export interface Quote {
  readonly symbol: string;
  readonly price: number;
}

const OPENING: Readonly<Record<string, number>> = { ACME: 120, INITECH: 45, HOOLI: 310 };

/** How often prices change, ms. */
const PERIOD = 250;

/** Prices that wander. Whoever watches a symbol watches the same Observable; it runs while there is somebody. */
@Injectable()
export class MarketService {
  /** Symbols that somebody watches. */
  readonly watched = new Set<string>();

  private readonly quotes = new Map(
    Object.entries(OPENING).map(([symbol, price]) => [symbol, this.wander(symbol, price)]),
  );

  /** The quotes of a symbol; undefined for one that is not traded. */
  watch(symbol: string): Observable<Quote> | undefined {
    return this.quotes.get(symbol);
  }

  private wander(symbol: string, opening: number): Observable<Quote> {
    return interval(PERIOD).pipe(
      scan((price) => price * (1 + (Math.random() - 0.5) / 50), opening),
      startWith(opening),
      map((price) => ({ symbol, price: Math.round(price * 100) / 100 })),
      tap({
        subscribe: () => this.watched.add(symbol),
        finalize: () => this.watched.delete(symbol),
      }),
      share(),
    );
  }
}
