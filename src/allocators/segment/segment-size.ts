/** How many values to lease at a time, so that a range outlasts a short outage. */

/** How long a range should last at the present pace, ms. */
const RANGE_LASTS_MS = 15_000;
export const SEGMENT_SIZE_MIN = 100;
const SEGMENT_SIZE_MAX = 1_000_000;
/** A burst of a millisecond says little about the next fifteen seconds: the size grows step by step. */
const GROWTH_MAX = 4;

/**
 * @param size of the last range that was asked for.
 * @param issued values in `elapsedMs`.
 */
export const nextSegmentSize = (size: number, issued: number, elapsedMs: number): number => {
  const wanted = Math.ceil((issued / Math.max(elapsedMs, 1)) * RANGE_LASTS_MS);
  return Math.max(SEGMENT_SIZE_MIN, Math.min(wanted, size * GROWTH_MAX, SEGMENT_SIZE_MAX));
};
