/** The standby segment a node has in hand for one sequence, and those it gave up but has not yet reported. */
import type { ReleasedSegment, StandbyAdvice, StandbySegment } from '../../../core/counter/counter-call.ts';
import type { Range } from '../../../core/values/range.ts';

/** A plain record: its functions take it as an argument, so that none of them can lose it. */
export interface HeldStandby {
  /** The segment in use, whole, as the store knows it. */
  segment: StandbySegment | undefined;
  /** The next value of it to be issued. */
  next: bigint;
  /** The segments given up since the last call, for the next one to report. */
  released: readonly ReleasedSegment[];
}

const NONE: readonly ReleasedSegment[] = [];

export const createHeldStandby = (): HeldStandby => ({ segment: undefined, next: 0n, released: NONE });

export const isUsedInPart = ({ segment, next }: HeldStandby): boolean => segment !== undefined && next > segment.first;

/** How many values of it can still be issued. */
export const standbyLeft = ({ segment, next }: HeldStandby): bigint => (segment ? segment.last - next + 1n : 0n);

/** Issues up to `count` values, none above `limit`; undefined when there are none. */
export const issueStandby = (standby: HeldStandby, count: number, limit: bigint): Range | undefined => {
  if (!standby.segment) return undefined;
  const first = standby.next;
  let last = first + BigInt(count) - 1n;
  if (last > standby.segment.last) last = standby.segment.last;
  if (last > limit) last = limit;
  if (last < first) return undefined;
  standby.next = last + 1n;
  return { first, last };
};

/** What was issued of a segment that was given up, and whether values of it are left. */
export interface GivenUp {
  readonly used: Range | undefined;
  readonly hasUnused: boolean;
}

/** Gives up the segment in use; undefined when there is none. */
export const releaseStandby = (standby: HeldStandby): GivenUp | undefined => {
  const { segment, next } = standby;
  if (!segment) return undefined;
  const { first, offeredIn } = segment;
  const hasUnused = standbyLeft(standby) > 0n;
  standby.released = [...standby.released, { first, offeredIn, used: next - first }];
  standby.segment = undefined;
  return { used: next > first ? { first, last: next - 1n } : undefined, hasUnused };
};

/** Follows the store's advice. @returns what became of the segment that was in use, when it was given up. */
export const followAdvice = (standby: HeldStandby, advice: StandbyAdvice): GivenUp | undefined => {
  if (advice.kind === 'keep') return undefined;
  if (advice.kind === 'offer' && advice.segment.offeredIn === standby.segment?.offeredIn) return undefined;
  const givenUp = releaseStandby(standby);
  if (advice.kind === 'offer') {
    standby.segment = advice.segment;
    standby.next = advice.segment.first;
  }
  return givenUp;
};

export const takeReleased = (standby: HeldStandby): readonly ReleasedSegment[] => {
  const { released } = standby;
  standby.released = NONE;
  return released;
};
