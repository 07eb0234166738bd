/** The words between the node and `reserve.lua`. */
import { describe, expect, it } from 'vitest';
import type { CounterCall } from '../../../src/core/counter-store.ts';
import { sequenceKeys } from '../../../src/stores/redis/redis-keys.ts';
import { decodeAdvance, decodeReply, encodeAdvance, encodeCall } from '../../../src/stores/redis/reserve-codec.ts';

const CALL: CounterCall = {
  sequence: { prefixKey: 'INV', period: '' },
  node: 'n.1-a',
  call: 7,
  kind: 'take',
  count: 3,
  initialSeq: 9n,
  limit: 18_446_744_073_709_551_615n,
  standbySize: 1000,
  holding: { first: 11n, last: 20n, offeredIn: 4 },
  usedInPart: true,
  released: [{ first: 1n, offeredIn: 2, used: 3n }],
  returned: [{ first: 30n, last: 31n }],
  seen: 12n,
  lastRange: { first: 30n, last: 33n },
};

describe('a call', () => {
  it('is one text, with what it reports at the end', () => {
    expect(encodeCall(CALL)).toBe('n.1-a 7 take 3 9 18446744073709551615 1000 4 1 12 released:1:3:2 returned:30:31');
  });

  it('that joins names what the node holds', () => {
    expect(encodeCall({ ...CALL, kind: 'join', released: [], returned: [] })).toBe(
      'n.1-a 7 join 3 9 18446744073709551615 1000 4 1 12 held:11:20 range:30:33',
    );
    const empty = { ...CALL, kind: 'join', holding: undefined, usedInPart: false, lastRange: undefined } as const;
    expect(encodeCall({ ...empty, released: [], returned: [] })).toBe(
      'n.1-a 7 join 3 9 18446744073709551615 1000 - 0 12',
    );
  });

  it('to advance is the first and only one of its operation', () => {
    const { sequence, initialSeq, limit } = CALL;
    expect(encodeAdvance({ sequence, initialSeq, limit, operation: 'op-1', to: 99n })).toBe(
      'op-1 1 advance 0 9 18446744073709551615 0 - 0 0 to:99',
    );
  });
});

describe('an answer', () => {
  it('that is unknown means another version of the script', () => {
    expect(() => decodeReply('hello')).toThrow('hello');
    expect(() => decodeAdvance('taken 1 2 counter keep')).toThrow('taken');
    expect(() => decodeReply('taken 1')).toThrow();
  });

  it('keeps the reason of a corrupt entry', () => {
    expect(decodeReply('corrupt counter is bad')).toEqual({ kind: 'corrupt', reason: 'counter is bad' });
    expect(decodeAdvance('exhausted 4 keep')).toEqual({ kind: 'exhausted', valuesLeft: 4n });
  });
});

describe('the keys of a sequence', () => {
  it('share one hash tag', () => {
    expect(sequenceKeys({ prefixKey: 'INV', period: '' })).toEqual({
      counter: 'sequence:INV',
      state: '{sequence:INV}:state',
      gaps: '{sequence:INV}:gaps',
    });
    expect(sequenceKeys({ prefixKey: 'INV', period: '2026' })).toEqual({
      counter: '{sequence:INV}:2026',
      state: '{sequence:INV}:2026:state',
      gaps: '{sequence:INV}:2026:gaps',
    });
  });
});
