/** Median and quartiles of what several rounds measured. */
export interface Spread {
  readonly lower: number;
  readonly median: number;
  readonly upper: number;
}

/** Us and another, round by round. */
export interface Comparison {
  readonly ratio: Spread;
  /** How much more we need. */
  readonly difference: Spread;
}

/** How costs become a ratio: as speed (theirs by ours; more is better) or as need (ours by theirs; less is better). */
export type Reading = 'speed' | 'need';

/**
 * Compares the costs of the same rounds: neighbours in time, which bear the same noise. The median of the ratios is not the
 * ratio of the medians.
 */
export function compare(ours: readonly number[], theirs: readonly number[], reading: Reading): Comparison {
  const pairs = ours.map((our, round) => [our, theirs[round]!] as const);
  return {
    ratio: spreadOf(pairs.map(([our, their]) => (reading === 'speed' ? their / our : our / their))),
    difference: spreadOf(pairs.map(([our, their]) => our - their)),
  };
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const below = sorted[Math.floor(place)]!;
    return below + (sorted[Math.ceil(place)]! - below) * (place % 1);
  };
  return { lower: at(0.25), median: at(0.5), upper: at(0.75) };
}
