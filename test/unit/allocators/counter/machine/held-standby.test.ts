/** The standby segment in hand: issued from its first value on, given up once, reported once. */
import { describe, expect, test } from 'vitest';
import {
  createHeldStandby,
  followAdvice,
  issueStandby,
  isUsedInPart,
  releaseStandby,
  standbyLeft,
  takeReleased,
} from '../../../../../src/allocators/counter/machine/held-standby.ts';
import { VALUE_MAX } from '../../../../../src/core/values/value.ts';

const offer = (first: bigint, last: bigint, offeredIn: number) =>
  ({ kind: 'offer', segment: { first, last, offeredIn } }) as const;

describe('a held standby', () => {
  test('issues nothing before the first offer', () => {
    const standby = createHeldStandby();
    expect(issueStandby(standby, 1, VALUE_MAX)).toBeUndefined();
    expect(standbyLeft(standby)).toBe(0n);
    expect(releaseStandby(standby)).toBeUndefined();
    expect(standby.released).toEqual([]);
  });

  test('issues its values in order, and no more than it has', () => {
    const standby = createHeldStandby();
    followAdvice(standby, offer(11n, 15n, 1));
    expect(isUsedInPart(standby)).toBe(false);
    expect(issueStandby(standby, 2, VALUE_MAX)).toEqual({ first: 11n, last: 12n });
    expect(isUsedInPart(standby)).toBe(true);
    expect(issueStandby(standby, 9, VALUE_MAX)).toEqual({ first: 13n, last: 15n });
    expect(issueStandby(standby, 1, VALUE_MAX)).toBeUndefined();
    expect(standbyLeft(standby)).toBe(0n);
  });

  test('issues nothing above the limit', () => {
    const standby = createHeldStandby();
    followAdvice(standby, offer(11n, 15n, 1));
    expect(issueStandby(standby, 9, 12n)).toEqual({ first: 11n, last: 12n });
    expect(issueStandby(standby, 9, 12n)).toBeUndefined();
  });

  test('reports how much of a replaced segment was issued, once', () => {
    const standby = createHeldStandby();
    followAdvice(standby, offer(11n, 15n, 1));
    issueStandby(standby, 2, VALUE_MAX);
    expect(followAdvice(standby, offer(31n, 35n, 4))).toEqual({ used: { first: 11n, last: 12n }, hasUnused: true });
    expect(standby.segment).toEqual({ first: 31n, last: 35n, offeredIn: 4 });
    expect(takeReleased(standby)).toEqual([{ first: 11n, offeredIn: 1, used: 2n }]);
    expect(takeReleased(standby)).toEqual([]);
  });

  test('does not take the offer it already follows for a new one', () => {
    const standby = createHeldStandby();
    followAdvice(standby, offer(11n, 15n, 1));
    issueStandby(standby, 2, VALUE_MAX);
    expect(followAdvice(standby, offer(11n, 15n, 1))).toBeUndefined();
    expect(issueStandby(standby, 1, VALUE_MAX)).toEqual({ first: 13n, last: 13n });
  });

  test('takes the same values offered anew for another segment', () => {
    const standby = createHeldStandby();
    followAdvice(standby, offer(11n, 15n, 1));
    followAdvice(standby, offer(11n, 15n, 3));
    expect(takeReleased(standby)).toEqual([{ first: 11n, offeredIn: 1, used: 0n }]);
  });

  test('gives a recalled segment up, and says whether anything of it is left', () => {
    const standby = createHeldStandby();
    followAdvice(standby, offer(11n, 12n, 1));
    issueStandby(standby, 2, VALUE_MAX);
    expect(followAdvice(standby, { kind: 'keep' })).toBeUndefined();
    expect(followAdvice(standby, { kind: 'recall' })).toEqual({ used: { first: 11n, last: 12n }, hasUnused: false });
    expect(standby.segment).toBeUndefined();
    expect(takeReleased(standby)).toEqual([{ first: 11n, offeredIn: 1, used: 2n }]);
  });

  test('tells which values of a segment were issued when it is given up, and of an unused one nothing', () => {
    const standby = createHeldStandby();
    followAdvice(standby, offer(11n, 15n, 1));
    issueStandby(standby, 2, VALUE_MAX);
    expect(followAdvice(standby, offer(31n, 35n, 4))?.used).toEqual({ first: 11n, last: 12n });
    expect(releaseStandby(standby)).toEqual({ used: undefined, hasUnused: true });
    expect(releaseStandby(standby)).toBeUndefined();
  });

  test('that is used up is told of as a whole', () => {
    const standby = createHeldStandby();
    followAdvice(standby, offer(VALUE_MAX, VALUE_MAX, 1));
    issueStandby(standby, 9, VALUE_MAX);
    expect(releaseStandby(standby)?.used).toEqual({ first: VALUE_MAX, last: VALUE_MAX });
  });
});
