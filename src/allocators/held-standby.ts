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

class Standby implements HeldStandby {
  readonly #onUsed: (range: Range) => void;
  #segment: StandbySegment | undefined;
  #next = 0n;
  #released: readonly ReleasedSegment[] = [];

  constructor(onUsed: (range: Range) => void) {
    this.#onUsed = onUsed;
  }

  get segment() {
    return this.#segment;
  }
  get usedInPart() {
    return this.#segment !== undefined && this.#next > this.#segment.first;
  }
  get left() {
    return this.#segment ? this.#segment.last - this.#next + 1n : 0n;
  }
  get hasReleased() {
    return this.#released.length > 0;
  }

  issue(count: number, limit: bigint): Range | undefined {
    if (!this.#segment) return undefined;
    const first = this.#next;
    let last = first + BigInt(count) - 1n;
    if (last > this.#segment.last) last = this.#segment.last;
    if (last > limit) last = limit;
    if (last < first) return undefined;
    this.#next = last + 1n;
    return { first, last };
  }

  follow(advice: StandbyAdvice): boolean {
    if (advice.kind === 'keep') return false;
    if (advice.kind === 'offer' && advice.segment.offeredIn === this.#segment?.offeredIn) return false;
    const unused = this.release();
    if (advice.kind === 'offer') {
      this.#segment = advice.segment;
      this.#next = advice.segment.first;
    }
    return unused;
  }

  release(): boolean {
    const segment = this.#segment;
    if (!segment) return false;
    const unused = this.left > 0n;
    const { first, offeredIn } = segment;
    if (this.#next > first) this.#onUsed({ first, last: this.#next - 1n });
    this.#released = [...this.#released, { first, offeredIn, used: this.#next - first }];
    this.#segment = undefined;
    return unused;
  }

  takeReleased(): readonly ReleasedSegment[] {
    const reported = this.#released;
    this.#released = [];
    return reported;
  }
}

/** @param onUsed is told of the values that were issued of a segment, when it is given up. */
export const createHeldStandby = (onUsed: (range: Range) => void): HeldStandby => new Standby(onUsed);
