/** The account that others keep of a sequence of `reserve.lua`, and what becomes of it when the server has lost its own. */
import { describe, expect, test } from 'vitest';
import type { CounterInstall } from '../../src/core/counter/counter-fence.ts';
import type { Range } from '../../src/core/values/range.ts';
import { VALUE_MAX } from '../../src/core/values/value.ts';
import { GAPS, INV, range, STATE, sequenceForTests } from '../support/sequence-under-test.ts';

const sequence = sequenceForTests();

describe.each([
  ['that begins with 1', 0n],
  ['across 2^53', 2n ** 53n - 20n],
  ['near 2^64 - 1', VALUE_MAX - 20_000n],
])('in a sequence %s', (_title, origin) => {
  const at = (first: bigint, last = first): Range => range(origin + first, origin + last);
  const gaps = async (): Promise<readonly string[]> =>
    (await sequence.store.listGaps(INV, 0n, 99)).map(
      ({ range: { first, last }, reason, node = '-' }) => `${first - origin}-${last - origin} ${reason} ${node}`,
    );

  test('a server that was emptied is restored from the account that was kept elsewhere', async () => {
    const kept = { initialSeq: origin, window: 0, standbySize: 0 };
    await sequence.report({ node: 'node-z', ...kept, epoch: 1n });
    await sequence.install({ ...kept, epoch: 1n, ceiling: origin + 100n, base: origin });
    await sequence.send({ ...kept, count: 3 });
    await sequence.sendB({ ...kept, count: 2 });
    await sequence.send({ ...kept, node: 'node-c', count: 4 });
    await sequence.sendB({ ...kept, call: 2, kind: 'leave', count: 0, returned: [at(5n)] });
    await sequence.store.advance({
      sequence: INV,
      operation: 'op',
      to: origin + 12n,
      limit: VALUE_MAX,
      epoch: 0n,
      ...kept,
    });
    const leaving = { ...kept, node: 'node-d' };
    await sequence.send({ ...leaving, count: 2 });
    await sequence.send({ ...leaving, call: 2, kind: 'leave', count: 0, returned: [at(14n)] });
    const account = await sequence.account();
    expect(account).toMatchObject({ value: origin + 14n });

    await sequence.redis.client.flushall();
    const report = { ...kept, epoch: 2n };
    expect(await sequence.report({ ...report, settled: 1, seen: origin + 3n, taken: [at(1n, 3n)] })).toMatchObject({
      kind: 'waiting',
      epoch: 1n,
      ceiling: 0n,
      highest: origin + 3n,
    });
    const install = { ...kept, epoch: 2n, ceiling: origin + 200n, base: origin + 14n, jumpTo: origin + 100n, account };
    expect(await sequence.install(install)).toBe(true);
    expect(await gaps()).toEqual([
      '5-5 advance -',
      '6-9 node-crash node-c',
      '10-12 advance -',
      '14-14 recovery-jump -',
      '15-100 recovery-jump -',
    ]);
    const after = await sequence.account();
    expect(after?.changes).toBeGreaterThan(account?.changes ?? 0);
    expect(await sequence.send({ ...kept, call: 2, kind: 'take' })).toMatchObject({ range: at(101n) });
    expect(sequence.fence).toEqual({ epoch: 2n, ceiling: origin + 200n, wanted: 0n });
  });
});

describe.each([
  ['small values', 0n],
  ['values above 2^53', 2n ** 53n],
])('where a sequence of %s began', (_title, from) => {
  const kept = { window: 0, standbySize: 0 };
  const origin = async (): Promise<bigint> => BigInt((await sequence.redis.client.hget(STATE, 'origin')) ?? '') - from;
  /** Begun at `from` + 9, where nothing was taken, and moved on to `from` + 55 before the first value. */
  const begin = async (): Promise<() => Promise<void>> => {
    const initialSeq = from + 9n;
    await sequence.report({ ...kept, node: 'node-z', initialSeq, epoch: 1n });
    const account = { value: initialSeq, changes: 0, gaps: [] };
    const first = { ...kept, initialSeq, origin: initialSeq, base: initialSeq, account };
    await sequence.install({ ...first, epoch: 1n, ceiling: from + 100n });
    const fallBack = await sequence.remember();
    await sequence.send({ ...kept, initialSeq: from + 55n, count: 3 });
    expect(await origin()).toBe(55n);
    return fallBack;
  };
  const recover = async (parts: Partial<CounterInstall>): Promise<void> => {
    const told = { settled: 1, seen: from + 58n, taken: [range(from + 56n, from + 58n)] };
    await sequence.report({ ...kept, ...told, initialSeq: from + 55n });
    const more = { ...kept, initialSeq: from + 55n, epoch: 2n, ceiling: from + 200n, base: from + 9n };
    expect(await sequence.install({ ...more, ...parts })).toBe(true);
  };

  test('is not forgotten by a server that falls back to before it was moved on', async () => {
    const fallBack = await begin();
    const account = await sequence.account();
    expect(account).toMatchObject({ origin: from + 55n });
    await fallBack();
    await recover({ account, origin: from + 55n, base: from + 58n });
    expect(await origin()).toBe(55n);
    expect(await sequence.gaps()).toEqual([]);
  });

  test('is not set back by a recovery that was granted before others heard of it', async () => {
    await begin();
    await sequence.replaceServer();
    await recover({ origin: from + 9n });
    expect(await origin()).toBe(55n);
    expect(await sequence.gaps()).toEqual([]);
  });
});

describe('a gap record that was deleted', () => {
  test('stops the sequence where an account of it is kept elsewhere, and comes back from there', async () => {
    const kept = { window: 0, standbySize: 0 };
    await sequence.report({ node: 'node-z', epoch: 1n, window: 0 });
    expect(await sequence.install({ epoch: 1n, ceiling: 100n, window: 0 })).toBe(true);
    await sequence.send({ ...kept, count: 3 });
    await sequence.advance(9n);
    const account = await sequence.account();
    await sequence.redis.client.del(GAPS);
    expect(await sequence.account()).toBeUndefined();
    expect(await sequence.sendB(kept)).toEqual({ kind: 'recovering' });
    await sequence.report({ settled: 1, seen: 3n, taken: [range(1n, 3n)], window: 0 });
    expect(await sequence.install({ epoch: 2n, ceiling: 100n, base: 9n, window: 0, account })).toBe(true);
    expect(await sequence.gaps()).toEqual(['4-9 advance -']);
    expect(await sequence.sendB(kept)).toMatchObject({ range: range(10n, 10n) });
  });

  test('comes back also when another server has taken over with what was left', async () => {
    await sequence.send({ count: 3, standbySize: 0 });
    await sequence.advance(9n);
    const account = await sequence.account();
    await sequence.redis.client.del(GAPS);
    await sequence.replaceServer();
    await sequence.report({ settled: 1, seen: 3n, taken: [range(1n, 3n)] });
    await sequence.install({ base: 9n, account });
    expect(await sequence.gaps()).toEqual(['4-9 advance -']);
  });

  test('stops nothing where nobody keeps an account of it', async () => {
    await sequence.send({ count: 3, standbySize: 0 });
    await sequence.advance(9n);
    await sequence.redis.client.del(GAPS);
    expect(await sequence.sendB({})).toMatchObject({ range: range(10n, 10n) });
  });
});

describe('an account that is older than the state', () => {
  test('changes nothing: not what is recorded, nor what was given back', async () => {
    await sequence.send({ count: 5, standbySize: 0 });
    const older = await sequence.account();
    await sequence.advance(10n);
    const account = await sequence.account();
    await sequence.sendB({ count: 2, standbySize: 0 });
    await sequence.sendB({ call: 2, kind: 'leave', count: 0, returned: [range(11n, 12n)] });
    for (const stored of [older, account && { ...account, value: 12n }]) {
      await sequence.replaceServer();
      await sequence.report({ settled: 1, seen: 5n, taken: [range(1n, 5n)] });
      await sequence.install({ account: stored });
      expect(await sequence.gaps()).toEqual(['6-10 advance -']);
      expect(await sequence.redis.client.hget(STATE, 'free')).toBe('11:12');
    }
  });
});

test('an account is read of the epoch that is asked for: a server that has parted counts in another', async () => {
  await sequence.send({ count: 3, standbySize: 0 });
  const { epoch } = sequence.fence;
  const kindsOf = async (asked?: bigint): Promise<string[]> =>
    (await sequence.operations.accountMany([INV], asked === undefined ? undefined : [asked])).map(({ kind }) => kind);
  expect([await kindsOf(), await kindsOf(epoch)]).toEqual([['account'], ['account']]);
  expect([await kindsOf(epoch - 1n), await kindsOf(epoch + 1n)]).toEqual([['unserved'], ['unserved']]);
});
