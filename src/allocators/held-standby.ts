/** The standby segment a node has in hand for one sequence, and those it gave up but has not yet reported. */
import type { ReleasedSegment, StandbyAdvice, StandbySegment } from '../core/counter-store.ts';
import type { Range } from '../core/range.ts';

export interface HeldStandby {
  /** The segment in use, whole, as the store knows it. */
  readonly segment: StandbySegment | undefined;
  readonly usedInPart: boolean;
  /** How many values of it can still be issued. */
  readonly left: bigint;
  /** Issues up to `count` values, none above `limit`; undefined when there are none. */
  issue(count: number, limit: bigint): Range | undefined;
  /** Follows the store's advice. @returns true when a segment with unused values was given up. */
  follow(advice: StandbyAdvice): boolean;
  /** Gives up the segment in use. @returns true when it has unused values. */
  release(): boolean;
  /** The segments given up since the last time, for the next call to report. */
  takeReleased(): readonly ReleasedSegment[];
  readonly hasReleased: boolean;
}

/** @param onUsed is told of the values that were issued of a segment, when it is given up. */
export const createHeldStandby = (onUsed: (range: Range) => void): HeldStandby => {
  let segment: StandbySegment | undefined;
  let next = 0n;
  let released: readonly ReleasedSegment[] = [];

  const left = (): bigint => (segment ? segment.last - next + 1n : 0n);

  const release = (): boolean => {
    if (!segment) return false;
    const unused = left() > 0n;
    if (next > segment.first) onUsed({ first: segment.first, last: next - 1n });
    released = [...released, { first: segment.first, offeredIn: segment.offeredIn, used: next - segment.first }];
    segment = undefined;
    return unused;
  };

  return {
    get segment() {
      return segment;
    },
    get usedInPart() {
      return segment !== undefined && next > segment.first;
    },
    get left() {
      return left();
    },
    get hasReleased() {
      return released.length > 0;
    },
    issue: (count, limit) => {
      if (!segment) return undefined;
      let last = next + BigInt(count) - 1n;
      if (last > segment.last) last = segment.last;
      if (last > limit) last = limit;
      if (last < next) return undefined;
      const range = { first: next, last };
      next = last + 1n;
      return range;
    },
    follow: (advice) => {
      if (advice.kind === 'keep') return false;
      if (advice.kind === 'offer' && advice.segment.offeredIn === segment?.offeredIn) return false;
      const unused = release();
      if (advice.kind === 'offer') {
        segment = advice.segment;
        next = segment.first;
      }
      return unused;
    },
    release,
    takeReleased: () => {
      const reported = released;
      released = [];
      return reported;
    },
  };
};
