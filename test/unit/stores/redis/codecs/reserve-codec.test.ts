/** The words between the node and `reserve.lua`. */
import { describe, expect, test } from 'vitest';
import type { CounterCall } from '../../../../../src/core/counter/counter-call.ts';
import { sequenceOf, seriesOf } from '../../../../../src/core/values/sequence-id.ts';
import {
  decodeAdvance,
  decodeReply,
  encodeAdvance,
  encodeCall,
} from '../../../../../src/stores/redis/codecs/reserve-codec.ts';

const CALL: CounterCall = {
  sequence: sequenceOf(seriesOf('INV'), ''),
  node: 'n.1-a',
  call: 7,
  kind: 'take',
  count: 3,
  initialSeq: 9n,
  limit: 18_446_744_073_709_551_615n,
  standbySize: 1000,
  epoch: 5n,
  window: 16_000,
  reissued: false,
  holding: { first: 11n, last: 20n, offeredIn: 4 },
  usedInPart: true,
  released: [{ first: 1n, offeredIn: 2, used: 3n }],
  returned: [{ first: 30n, last: 31n }],
  seen: 12n,
};
const FENCE = { epoch: 5n, ceiling: 18_446_744_073_709_551_615n, wanted: 0n };
const FENCE_WORDS = '5 18446744073709551615 0';

describe('a call', () => {
  test('is one text, with what it gives back at the end', () => {
    expect(encodeCall(CALL)).toBe(
      'n.1-a 7 take 3 9 18446744073709551615 1000 4 1 12 5 16000 released:1:3:2 returned:30:31',
    );
  });

  test('that holds nothing and gives nothing back says so', () => {
    const empty = { ...CALL, kind: 'join', holding: undefined, usedInPart: false } as const;
    expect(encodeCall({ ...empty, released: [], returned: [] })).toBe(
      'n.1-a 7 join 3 9 18446744073709551615 1000 - 0 12 5 16000',
    );
  });

  test('that is said once more after a recovery names what it gave back in other words', () => {
    expect(encodeCall({ ...CALL, reissued: true })).toBe(
      'n.1-a 7 take 3 9 18446744073709551615 1000 4 1 12 5 16000 gave:1:3:2 lost:30:31',
    );
  });

  test('to advance is the first and only one of its operation', () => {
    const { sequence, initialSeq, limit, epoch, window } = CALL;
    expect(encodeAdvance({ sequence, initialSeq, limit, epoch, window, operation: 'op-1', to: 99n })).toBe(
      'op-1 1 advance 0 9 18446744073709551615 0 - 0 0 5 16000 to:99',
    );
  });
});

describe('an answer', () => {
  test.each([
    [
      'taken 7 9 counter keep',
      { kind: 'taken', range: { first: 7n, last: 9n }, returned: false, standby: { kind: 'keep' } },
    ],
    [
      'taken 7 9 returned 21-25-4',
      {
        kind: 'taken',
        range: { first: 7n, last: 9n },
        returned: true,
        standby: { kind: 'offer', segment: { first: 21n, last: 25n, offeredIn: 4 } },
      },
    ],
    ['nothing left', { kind: 'nothing', standby: { kind: 'keep' } }],
    ['exhausted 4 recall', { kind: 'exhausted', valuesLeft: 4n, standby: { kind: 'recall' } }],
    ['ceiling 18446744073709551614', { kind: 'ceiling', value: 18_446_744_073_709_551_614n }],
  ])('"%s" says how far the store may count', (text, reply) => {
    expect(decodeReply(`${text} ${FENCE_WORDS}`)).toEqual({ ...reply, fence: FENCE });
  });

  test('that refuses says why', () => {
    expect(decodeReply('stale 8')).toEqual({ kind: 'stale', lastCall: 8 });
    expect(decodeReply('forgotten')).toEqual({ kind: 'forgotten' });
    expect(decodeReply('recovering')).toEqual({ kind: 'recovering' });
    expect(decodeReply('corrupt counter is bad')).toEqual({ kind: 'corrupt', reason: 'counter is bad' });
  });

  test('names the ceiling that a standby would need', () => {
    expect(decodeReply('nothing keep 5 100 140').fence).toEqual({ epoch: 5n, ceiling: 100n, wanted: 140n });
  });

  test('to an advance says where it began and ended, or why it was refused', () => {
    expect(decodeAdvance(`advanced 4 9 ${FENCE_WORDS}`)).toEqual({ kind: 'advanced', from: 4n, to: 9n });
    expect(decodeAdvance(`behind 9 ${FENCE_WORDS}`)).toEqual({ kind: 'behind', current: 9n });
    expect(decodeAdvance(`exhausted 4 keep ${FENCE_WORDS}`)).toEqual({ kind: 'exhausted', valuesLeft: 4n });
    expect(decodeAdvance('ceiling 9')).toEqual({ kind: 'ceiling', value: 9n });
    expect(decodeAdvance('corrupt counter is bad')).toEqual({ kind: 'corrupt', reason: 'counter is bad' });
    for (const text of ['recovering', 'forgotten']) expect(decodeAdvance(text)).toEqual({ kind: 'recovering' });
  });

  test('that is unknown means another version of the script', () => {
    expect(() => decodeReply('hello')).toThrow('hello');
    expect(() => decodeAdvance('taken 1 2 counter keep')).toThrow('taken');
    expect(() => decodeReply('taken 1')).toThrow();
    expect(() => decodeReply('nothing keep')).toThrow();
  });
});
