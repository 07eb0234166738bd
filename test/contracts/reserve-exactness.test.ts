/** `reserve.lua` against bigint arithmetic: exact for every counter of 64 bits. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { parseValue, VALUE_MAX } from '../../src/core/values/value.ts';
import { type OwnRedis, startOwnRedis } from '../support/own-redis.ts';
import { createReserveStore } from '../support/reserve-script.ts';
import { call } from '../support/sequence-under-test.ts';
import { reserve } from './counter-store.contract.ts';

let redis: OwnRedis;
beforeAll(async () => {
  redis = await startOwnRedis();
});
afterAll(() => redis.stop());

const EDGES = [10n ** 13n, 10n ** 14n, 10n ** 15n, 2n ** 53n, 10n ** 16n, 2n ** 63n, 10n ** 19n, 10n ** 10n, VALUE_MAX];
const near = fc
  .tuple(fc.constantFrom(...EDGES), fc.bigInt(-3000n, 3000n))
  .map(([edge, by]) => edge + by)
  .filter((value) => value >= 0n && value <= VALUE_MAX);
const counters = fc.oneof(fc.bigInt(0n, VALUE_MAX), near);

test('takes the next `count` values, or says exactly how many are left', async () => {
  const store = createReserveStore(redis.client);
  let prefix = 0;
  const property = fc.asyncProperty(
    counters,
    fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 4 }),
    fc.bigInt(0n, 5000n),
    async (counter, counts, room) => {
      const sequence = sequenceOf(seriesOf(`P${++prefix}`), '');
      const limit = parseValue(String(counter + room)) ?? VALUE_MAX;
      await redis.client.set(`sequence:${sequence.series.prefixKey}`, String(counter));
      const join = call({ sequence, node: 'nn', count: 0, limit, standbySize: 0 });
      await reserve(store, [join]);
      const epoch = (await store.reserve([join]))[0]?.fence?.epoch;
      let value = counter;
      for (const [i, count] of counts.entries()) {
        const [reply] = await store.reserve([{ ...join, kind: 'take', call: i + 2, count, ...(epoch && { epoch }) }]);
        if (value + BigInt(count) <= limit) {
          expect(reply).toMatchObject({ kind: 'taken', range: { first: value + 1n, last: value + BigInt(count) } });
          value += BigInt(count);
        } else expect(reply).toMatchObject({ kind: 'exhausted', valuesLeft: limit - value });
        expect(await redis.client.get(`sequence:${sequence.series.prefixKey}`)).toBe(String(value));
      }
    },
  );
  await fc.assert(property, { numRuns: 400 });
});
