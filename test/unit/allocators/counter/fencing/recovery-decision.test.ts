/** When a recovery ends, and where counting goes on then: exactly, or above the ceiling. */
import { describe, expect, test } from 'vitest';
import {
  type DecisionOptions,
  decideInstall,
  type WaitingReply,
} from '../../../../../src/allocators/counter/machine/recovery-decision.ts';
import type { Ceiling, CeilingStore, SequenceAccount } from '../../../../../src/core/ceiling/ceiling-store.ts';
import { StorageUnavailableError } from '../../../../../src/core/errors.ts';
import { sequenceOf, seriesOf } from '../../../../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../../../../src/core/values/value.ts';
import { createMemoryCeilingStore } from '../../../../../src/stores/memory/memory-ceiling-store.ts';

const INV = sequenceOf(seriesOf('INV'), '2026');
const RECOVERY = { server: 'run2', time: '1795224970000000' };

const waiting = (parts: Partial<WaitingReply> = {}): WaitingReply => ({
  kind: 'waiting',
  recovery: RECOVERY,
  sinceMs: 0,
  epoch: 0n,
  ceiling: 0n,
  highest: 0n,
  reported: ['node-a'],
  missing: [],
  ...parts,
});

const decide = (reply: WaitingReply, parts: Partial<DecisionOptions> = {}) =>
  decideInstall(reply, {
    sequence: INV,
    initialSeq: 0n,
    limit: VALUE_MAX,
    window: 10_000,
    ceilings: undefined,
    swear: () => undefined,
    ...parts,
  });

describe('where nobody but the counter store keeps the ceiling', () => {
  const known = { epoch: 5n, ceiling: 900n, highest: 42n };

  test('waits a second for nodes nobody has heard of, though all others have reported', async () => {
    expect(await decide(waiting({ ...known, sinceMs: 999 }))).toBeUndefined();
  });

  test('goes on exactly when all have reported: the store makes the epoch, the ceiling stays above the old one', async () => {
    expect(await decide(waiting({ ...known, sinceMs: 1_000 }), { initialSeq: 7n })).toEqual({
      sequence: INV,
      recovery: RECOVERY,
      epoch: 0n,
      ceiling: 10_900n,
      base: 0n,
      jumpTo: undefined,
      account: undefined,
      initialSeq: 7n,
      limit: VALUE_MAX,
      window: 10_000,
    });
  });

  test('waits three seconds for a node that was heard of lately, and then jumps above the ceiling', async () => {
    const missing = { ...known, missing: ['node-b'] };
    expect(await decide(waiting({ ...missing, sinceMs: 2_999 }))).toBeUndefined();
    expect(await decide(waiting({ ...missing, sinceMs: 3_000 }))).toMatchObject({ jumpTo: 900n, ceiling: 10_900n });
  });

  test('puts the ceiling above the highest value when the state knows none as high', async () => {
    const reply = waiting({ ceiling: 0n, highest: 5_000n, sinceMs: 1_000 });
    expect(await decide(reply)).toMatchObject({ ceiling: 15_000n, jumpTo: undefined });
  });

  test('jumps even when all have reported, if a sequence that was counted has lost its ceiling with its state', async () => {
    const lost = { epoch: 5n, ceiling: 0n, highest: 5_000n };
    expect(await decide(waiting({ ...lost, sinceMs: 999 }))).toBeUndefined();
    expect(await decide(waiting({ ...lost, sinceMs: 1_000 }))).toMatchObject({ jumpTo: 15_000n, ceiling: 25_000n });
    expect(await decide(waiting({ ...lost, missing: ['node-b'], sinceMs: 3_000 }))).toMatchObject({
      jumpTo: 15_000n,
      ceiling: 25_000n,
    });
  });

  test('takes a smaller window where less is left, and stays below 18446744073709551615', async () => {
    const reply = waiting({ ceiling: 0n, highest: 100n, sinceMs: 1_000 });
    expect(await decide(reply, { limit: 180n })).toMatchObject({ ceiling: 110n, window: 10 });
    const high = waiting({ ceiling: VALUE_MAX, highest: VALUE_MAX - 1n, sinceMs: 1_000 });
    expect(await decide(high)).toMatchObject({ ceiling: VALUE_MAX, window: 0 });
  });
});

describe('where the ceilings are kept elsewhere', () => {
  const account: SequenceAccount = { value: 120n, changes: 1, gaps: [] };

  /** Epoch 1 with the ceiling 10000, raised to 12000 with everything up to 120 accounted for; `node-a` and `node-b` count. */
  const keptCeilings = async (): Promise<CeilingStore> => {
    const ceilings = createMemoryCeilingStore({ now: () => 0 });
    await decide(waiting({ highest: 0n }), { ceilings });
    for (const node of ['node-a', 'node-b']) await ceilings.register(node);
    await ceilings.raiseMany([{ sequence: INV, epoch: 1n, known: 10_000n, ceiling: 12_000n, base: 100n, account }]);
    return ceilings;
  };
  const served = { epoch: 1n, ceiling: 12_000n, highest: 130n };

  test('begins a sequence nobody ever counted at once, in epoch 1, above what an operator has left', async () => {
    const ceilings = createMemoryCeilingStore({ now: () => 0 });
    await ceilings.register('node-b');
    expect(await decide(waiting({ highest: 41n }), { ceilings, initialSeq: 7n, limit: 99_999n })).toEqual({
      sequence: INV,
      recovery: RECOVERY,
      epoch: 1n,
      ceiling: 10_041n,
      base: 41n,
      origin: 7n,
      jumpTo: undefined,
      account: { value: 41n, changes: 0, gaps: [] },
      initialSeq: 7n,
      limit: 99_999n,
      window: 0,
    });
  });

  test('goes on exactly as soon as all registered nodes have reported', async () => {
    const ceilings = await keptCeilings();
    const reply = waiting({ ...served, reported: ['node-a', 'node-b', 'node-c'] });
    expect(await decide(reply, { ceilings })).toMatchObject({
      epoch: 2n,
      ceiling: 12_000n,
      base: 100n,
      jumpTo: undefined,
      account,
      window: 0,
    });
    expect(await ceilings.read(INV)).toMatchObject({ epoch: 2n, ceiling: 12_000n });
  });

  test('waits three seconds for a registered node, whatever the store knows of it, and then jumps', async () => {
    const ceilings = await keptCeilings();
    expect(await decide(waiting({ ...served, sinceMs: 2_999 }), { ceilings })).toBeUndefined();
    expect(await ceilings.read(INV)).toMatchObject({ epoch: 1n });
    expect(await decide(waiting({ ...served, sinceMs: 3_000 }), { ceilings })).toMatchObject({
      epoch: 2n,
      jumpTo: 12_000n,
      base: 12_000n,
      ceiling: 22_000n,
    });
  });

  test('has the epoch sworn off that was granted to another server and may yet begin there, and is exact then', async () => {
    const ceilings = await keptCeilings();
    const reply = waiting({ ...served, reported: ['node-a', 'node-b'], sworn: 2n });
    expect(await decide(reply, { ceilings })).toMatchObject({ epoch: 2n, jumpTo: undefined });
    const elsewhere = { ...reply, recovery: { ...RECOVERY, server: 'run3' } };
    const sworn: bigint[] = [];
    const swear = (epoch: bigint): void => void sworn.push(epoch);
    expect(await decide(elsewhere, { ceilings, swear })).toBeUndefined();
    expect(sworn).toEqual([2n]);
    const anew = { ...elsewhere, sworn: 3n, epoch: 2n };
    expect(await decide(anew, { ceilings, swear })).toMatchObject({ epoch: 3n, jumpTo: undefined });
    expect(sworn).toEqual([2n]);
  });

  test('waits 15 s for nodes that have reported, and only have to swear off an epoch, before it jumps', async () => {
    const ceilings = await keptCeilings();
    const reply = waiting({ ...served, reported: ['node-a', 'node-b'], sworn: 2n });
    await decide(reply, { ceilings });
    const elsewhere = { ...reply, recovery: { ...RECOVERY, server: 'run3' } };
    expect(await decide({ ...elsewhere, sinceMs: 14_999 }, { ceilings })).toBeUndefined();
    expect(await ceilings.read(INV)).toMatchObject({ epoch: 2n });
    // A third one that is silent is no longer waited for than ever.
    await ceilings.register('node-c');
    expect(await decide({ ...elsewhere, sinceMs: 2_999 }, { ceilings })).toBeUndefined();
    await ceilings.leave('node-c');
    expect(await decide({ ...elsewhere, sinceMs: 15_000 }, { ceilings })).toMatchObject({ epoch: 3n, jumpTo: 12_000n });
  });

  test('leaves it to another node that was faster', async () => {
    const ceilings = await keptCeilings();
    const early = await ceilings.read(INV);
    const reply = waiting({ ...served, reported: ['node-a', 'node-b'] });
    await decide(reply, { ceilings });
    const late: CeilingStore = { ...ceilings, read: async () => early };
    expect(await decide(reply, { ceilings: late })).toBeUndefined();
    expect(await ceilings.read(INV)).toMatchObject({ epoch: 2n });
  });

  test.each<[string, Partial<WaitingReply>, Ceiling | undefined]>([
    ['has an older epoch', { epoch: 9n }, { epoch: 1n, ceiling: 10_000n }],
    ['has nothing of a sequence that was counted', { epoch: 1n }, undefined],
  ])('refuses to go on when PostgreSQL %s, and says how to repair it', async (_title, known, stored) => {
    const ceilings = createMemoryCeilingStore({ now: () => 0 });
    if (stored !== undefined) await decide(waiting(), { ceilings });
    const decision = decide(waiting({ ...known, sinceMs: 60_000 }), { ceilings });
    await expect(decision).rejects.toThrow(StorageUnavailableError);
    await expect(decision).rejects.toMatchObject({
      message: 'PostgreSQL is older than Redis.',
      cause: expect.objectContaining({ message: expect.stringMatching(/^INV \(2026\): epoch .* npm run repair$/) }),
    });
    expect(await ceilings.read(INV)).toEqual(stored && expect.objectContaining(stored));
  });
});

test('leaves the first contact to who was asked for a number: who only listens does not know where the sequence begins', async () => {
  const ceilings = createMemoryCeilingStore({ now: () => 0 });
  expect(await decide(waiting(), { ceilings, stranger: true })).toBeUndefined();
  expect(await ceilings.read(INV)).toBeUndefined();
  const install = await decide(waiting({ highest: 40n }), { ceilings, initialSeq: 40n });
  expect(install).toMatchObject({ origin: 40n, base: 40n });
  expect(await ceilings.read(INV)).toMatchObject({ origin: 40n });
});
