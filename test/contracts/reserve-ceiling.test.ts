/** The ceiling of `reserve.lua`: nothing above it is handed out or offered, whoever keeps it. */
import { describe, expect, test } from 'vitest';
import type { Fence } from '../../src/core/counter/counter-call.ts';
import type { CeilingMove } from '../../src/core/counter/counter-fence.ts';
import { VALUE_MAX } from '../../src/core/values/value.ts';
import { INV, keep, offer, range, STATE, segment, sequenceForTests } from '../support/sequence-under-test.ts';

const sequence = sequenceForTests();

/** @returns undefined when the epoch is over. */
const raiseFence = async (move: CeilingMove): Promise<Fence | undefined> => {
  const [reply] = await sequence.operations.raiseMany([move]);
  if (reply?.kind === 'raised') return reply.fence;
  expect(reply).toEqual({ kind: 'outrun' });
  return undefined;
};

/** Serves in epoch 1 up to the ceiling, which others keep. */
const beginAt = async (ceiling: bigint, initialSeq = 0n): Promise<void> => {
  await sequence.report({ node: 'node-z', epoch: 1n, initialSeq, window: 0 });
  await sequence.install({ epoch: 1n, ceiling, base: initialSeq, initialSeq, window: 0 });
};

describe.each([
  ['that begins with 1', 0n],
  ['near 2^53', 2n ** 53n - 30n],
  ['that ends with 2^64 - 1', VALUE_MAX - 100n],
])('the ceiling of a sequence %s, where others keep it', (_title, origin) => {
  const at = (first: bigint, last = first) => range(origin + first, origin + last);
  const kept = { initialSeq: origin, window: 0 };
  const raise = (by: bigint) => raiseFence({ sequence: INV, epoch: 1n, ceiling: origin + by });

  test('is not passed by what is handed out', async () => {
    await beginAt(origin + 20n, origin);
    expect(await sequence.send({ ...kept, count: 18, standbySize: 0 })).toMatchObject({ range: at(1n, 18n) });
    const asked = { ...kept, call: 2, kind: 'take', count: 5, standbySize: 0 } as const;
    expect(await sequence.send(asked)).toMatchObject({ range: at(19n, 20n) });
    const before = await sequence.snapshot();
    const refused = await sequence.send({ ...asked, call: 3 });
    expect(refused).toEqual({ kind: 'ceiling', value: origin + 20n });
    expect(await sequence.snapshot()).toEqual(before);

    expect(await raise(22n)).toEqual({ epoch: 1n, ceiling: origin + 22n, wanted: 0n });
    expect(await sequence.send({ ...asked, call: 3 })).toMatchObject({ range: at(21n, 22n) });
  });

  test('is not passed by a standby: the reply says which one it would need', async () => {
    await beginAt(origin + 20n, origin);
    expect(await sequence.send(kept)).toMatchObject({ standby: offer(origin + 10n, origin + 14n, 1) });
    expect(await sequence.sendB(kept)).toMatchObject({ standby: offer(origin + 16n, origin + 20n, 1) });
    expect(await sequence.send({ ...kept, node: 'node-c' })).toMatchObject({ range: at(3n), standby: keep });
    expect(sequence.fence.ceiling).toBe(origin + 20n);
    const { wanted } = sequence.fence;
    expect(wanted).toBeGreaterThan(origin + 20n);

    await raise(wanted - origin + 20n);
    expect(await sequence.send({ ...kept, node: 'node-c', call: 2, kind: 'take' })).toMatchObject({
      range: at(4n),
      standby: { kind: 'offer' },
    });
    expect(sequence.fence.wanted).toBe(0n);
  });

  test('is not passed by an advance', async () => {
    await beginAt(origin + 20n, origin);
    const request = { sequence: INV, operation: 'op', limit: VALUE_MAX, epoch: 0n, ...kept };
    expect(await sequence.store.advance({ ...request, to: origin + 21n })).toEqual({ kind: 'ceiling', value: origin });
    expect(await sequence.store.advance({ ...request, to: origin + 20n })).toEqual({
      kind: 'advanced',
      from: origin,
      to: origin + 20n,
    });
  });

  test('never sinks, and moves in its own epoch only', async () => {
    await beginAt(origin + 20n, origin);
    expect(await raise(10n)).toEqual({ epoch: 1n, ceiling: origin + 20n, wanted: 0n });
    for (const epoch of [0n, 2n]) {
      const move = { sequence: INV, epoch, ceiling: origin + 99n };
      expect(await raiseFence(move)).toBeUndefined();
      await sequence.operations.propose(move);
    }
    expect(await sequence.redis.client.hget(STATE, 'fence')).toMatch(new RegExp(` 1 ${origin + 20n}$`));
    expect(await sequence.redis.client.hexists(STATE, 'proposed')).toBe(0);
  });

  test('that is proposed is not in force, but a recovery goes on above it', async () => {
    await beginAt(origin + 20n, origin);
    // There is no replica that could confirm it.
    expect(await sequence.operations.propose({ sequence: INV, epoch: 1n, ceiling: origin + 50n })).toBe(false);
    await sequence.send({ ...kept, count: 20, standbySize: 0 });
    const next = { ...kept, call: 2, kind: 'take', standbySize: 0 } as const;
    expect(await sequence.send(next)).toEqual({ kind: 'ceiling', value: origin + 20n });
    await sequence.replaceServer();
    expect(await sequence.report({ node: 'node-b', initialSeq: origin })).toMatchObject({ ceiling: origin + 50n });
    await sequence.install({ ...kept, ceiling: origin + 50n });
    expect(await sequence.redis.client.hexists(STATE, 'proposed')).toBe(0);
  });
});

describe('the ceiling that the store raises itself', () => {
  test('stays ahead of the counter by half the window at least', async () => {
    const terms = { window: 100, standbySize: 0 };
    await sequence.send(terms);
    expect(sequence.fence.ceiling).toBe(101n);
    await sequence.send({ ...terms, call: 2, kind: 'take', count: 50 });
    expect(sequence.fence.ceiling).toBe(101n);
    await sequence.send({ ...terms, call: 3, kind: 'take' });
    expect(sequence.fence.ceiling).toBe(152n);
    await sequence.send({ ...terms, call: 4, kind: 'take', count: 5_000 });
    expect(sequence.fence.ceiling).toBe(5_152n);
  });

  test('lies above every standby', async () => {
    await sequence.send({ window: 100, standbySize: 0 });
    const reply = await sequence.send({ call: 2, kind: 'take', window: 100, standbySize: 1_000 });
    expect(reply).toMatchObject({ standby: offer(1_003n, 2_002n, 2) });
    expect(sequence.fence.ceiling).toBe(2_102n);
  });

  test.each([
    ['of 100 values', 0n, 100n],
    ['up to 2^64 - 1', VALUE_MAX - 100n, VALUE_MAX],
  ])(
    'never lies above the limit, nor takes up more than an eighth of what is left of a series %s',
    async (...given) => {
      const [, initialSeq, limit] = given;
      for (let call = 1; call <= 100; call += 1) {
        const kind = call === 1 ? 'join' : 'take';
        const reply = await sequence.send({ call, kind, initialSeq, limit, standbySize: 0 });
        expect(reply).toMatchObject({
          kind: 'taken',
          range: range(initialSeq + BigInt(call), initialSeq + BigInt(call)),
        });
        const ahead = sequence.fence.ceiling - initialSeq - BigInt(call);
        expect(sequence.fence.ceiling).toBeLessThanOrEqual(limit);
        expect(ahead).toBeLessThanOrEqual(13n);
      }
      expect(sequence.fence.ceiling).toBe(limit);
    },
  );

  test('does not lie above the limit for standbys that reach up to it', async () => {
    const terms = { limit: 116n, standbySize: 20 };
    for (const node of ['node-a', 'node-b', 'node-c', 'node-d', 'node-e', 'node-f'])
      await sequence.send({ ...terms, node });
    expect(await sequence.redis.client.hget(STATE, 'ahead')).toMatch(/:116:node-\w@1$/);
    expect(sequence.fence.ceiling).toBe(116n);
  });

  test('is not lowered for a counter above a limit that was lowered', async () => {
    await sequence.send({ count: 500, standbySize: 0 });
    const refused = await sequence.send({
      call: 2,
      kind: 'take',
      limit: 100n,
      standbySize: 5,
      holding: segment(1n, 1n, 9),
    });
    expect(refused).toMatchObject({ kind: 'exhausted', valuesLeft: 0n });
    expect(sequence.fence.ceiling).toBe(10_500n);
  });
});
