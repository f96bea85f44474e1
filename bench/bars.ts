import type { Comparison } from './comparison.js';

/** What the measured comparison with one server is held against. */
export interface Bar {
  readonly text: string;
  holds(comparison: Comparison): boolean;
}

/** So many times what the other does with the same CPU time. */
export const atLeast = (times: number): Bar => ({
  text: `≥ ${times} ×`,
  holds: ({ ratio }) => ratio.median >= times,
});

export const lowerQuartileAtLeast = (times: number): Bar => ({
  text: `lower quartile ≥ ${times} ×`,
  holds: ({ ratio }) => ratio.lower >= times,
});

/** At most so many times what the other needs. */
export const atMost = (times: number): Bar => ({
  text: `≤ ${times} ×`,
  holds: ({ ratio }) => ratio.median <= times,
});

/** At most so many bytes more than the other needs. */
export const atMostMore = (bytes: number): Bar => ({
  text: `≤ + ${bytes} B`,
  holds: ({ difference }) => difference.median <= bytes,
});
