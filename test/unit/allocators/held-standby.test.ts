/** The standby segment in hand: issued from its first value on, given up once, reported once. */
import { describe, expect, it } from 'vitest';
import { createHeldStandby } from '../../../src/allocators/held-standby.ts';
import type { Range } from '../../../src/core/range.ts';
import { VALUE_MAX } from '../../../src/core/value.ts';

const offer = (first: bigint, last: bigint, offeredIn: number) =>
  ({ kind: 'offer', segment: { first, last, offeredIn } }) as const;

describe('a held standby', () => {
  it('issues nothing before the first offer', () => {
    const standby = createHeldStandby(() => undefined);
    expect(standby.issue(1, VALUE_MAX)).toBeUndefined();
    expect(standby.left).toBe(0n);
    expect(standby.release()).toBe(false);
    expect(standby.hasReleased).toBe(false);
  });

  it('issues its values in order, and no more than it has', () => {
    const standby = createHeldStandby(() => undefined);
    standby.follow(offer(11n, 15n, 1));
    expect(standby.usedInPart).toBe(false);
    expect(standby.issue(2, VALUE_MAX)).toEqual({ first: 11n, last: 12n });
    expect(standby.usedInPart).toBe(true);
    expect(standby.issue(9, VALUE_MAX)).toEqual({ first: 13n, last: 15n });
    expect(standby.issue(1, VALUE_MAX)).toBeUndefined();
    expect(standby.left).toBe(0n);
  });

  it('issues nothing above the limit', () => {
    const standby = createHeldStandby(() => undefined);
    standby.follow(offer(11n, 15n, 1));
    expect(standby.issue(9, 12n)).toEqual({ first: 11n, last: 12n });
    expect(standby.issue(9, 12n)).toBeUndefined();
  });

  it('reports how much of a replaced segment was issued, once', () => {
    const standby = createHeldStandby(() => undefined);
    standby.follow(offer(11n, 15n, 1));
    standby.issue(2, VALUE_MAX);
    expect(standby.follow(offer(31n, 35n, 4))).toBe(true);
    expect(standby.segment).toEqual({ first: 31n, last: 35n, offeredIn: 4 });
    expect(standby.takeReleased()).toEqual([{ first: 11n, offeredIn: 1, used: 2n }]);
    expect(standby.takeReleased()).toEqual([]);
  });

  it('does not take the offer it already follows for a new one', () => {
    const standby = createHeldStandby(() => undefined);
    standby.follow(offer(11n, 15n, 1));
    standby.issue(2, VALUE_MAX);
    expect(standby.follow(offer(11n, 15n, 1))).toBe(false);
    expect(standby.issue(1, VALUE_MAX)).toEqual({ first: 13n, last: 13n });
  });

  it('takes the same values offered anew for another segment', () => {
    const standby = createHeldStandby(() => undefined);
    standby.follow(offer(11n, 15n, 1));
    standby.follow(offer(11n, 15n, 3));
    expect(standby.takeReleased()).toEqual([{ first: 11n, offeredIn: 1, used: 0n }]);
  });

  it('gives a recalled segment up, and says whether anything of it is left', () => {
    const standby = createHeldStandby(() => undefined);
    standby.follow(offer(11n, 12n, 1));
    standby.issue(2, VALUE_MAX);
    expect(standby.follow({ kind: 'keep' })).toBe(false);
    expect(standby.follow({ kind: 'recall' })).toBe(false);
    expect(standby.segment).toBeUndefined();
    expect(standby.takeReleased()).toEqual([{ first: 11n, offeredIn: 1, used: 2n }]);
  });

  it('tells which values of a segment were issued when it is given up, and of an unused one nothing', () => {
    const used: Range[] = [];
    const standby = createHeldStandby((range) => used.push(range));
    standby.follow(offer(11n, 15n, 1));
    standby.issue(2, VALUE_MAX);
    expect(used).toEqual([]);
    standby.follow(offer(31n, 35n, 4));
    standby.release();
    standby.release();
    expect(used).toEqual([{ first: 11n, last: 12n }]);
  });

  it('that is used up is told of as a whole', () => {
    const used: Range[] = [];
    const standby = createHeldStandby((range) => used.push(range));
    standby.follow(offer(VALUE_MAX, VALUE_MAX, 1));
    standby.issue(9, VALUE_MAX);
    standby.release();
    expect(used).toEqual([{ first: VALUE_MAX, last: VALUE_MAX }]);
  });
});
