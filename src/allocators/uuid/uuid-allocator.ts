/** The strategy `uuidv7`: ids of RFC 9562, made in this node without a store, each above the one before. */
import { V7Generator } from 'uuidv7';
import type { Clock } from '../../core/clock.ts';
import type { Range } from '../../core/values/range.ts';
import type { Allocator } from '../allocator.ts';

/** However far the clock is set back, the last timestamp is kept and the counter behind it goes on: the order is promised. */
const ROLLBACK_MAX_MS = 2 ** 48 - 1;

export const createUuidAllocator = (clock: Clock): Allocator => {
  const generator = new V7Generator();
  generator.setRollbackAllowance(ROLLBACK_MAX_MS);
  return {
    source: 'uuidv7',
    isLocal: true,
    allocate: async (_target, count) => {
      const nowMs = clock.now();
      const ranges: Range[] = [];
      for (let made = 0; made < count; made += 1) {
        const value = BigInt(`0x${generator.generateOrResetWithTs(nowMs).toHex()}`);
        ranges.push({ first: value, last: value });
      }
      return { ranges, fromStandby: false };
    },
  };
};
