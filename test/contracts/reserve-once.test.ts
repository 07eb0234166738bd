/** What `reserve.lua` does with entries that have a receipt, where it lies among nodes, standby segments, ceilings and recoveries. */
import { describe, expect, test } from 'vitest';
import type { CounterCall, CounterReply } from '../../src/core/counter/counter-call.ts';
import { RESERVE_SCRIPT } from '../support/reserve-script.ts';
import { GAPS, INV, range, STATE, sequenceForTests } from '../support/sequence-under-test.ts';

const AT = 1_764_000_000_000;
const RECEIPT = '{sequence:INV}:receipt:abc';

const sequence = sequenceForTests();

const receipt = { hash: 'abc', fingerprint: 'f', atMs: AT, series: '{"format": "x y"}' };
const once = (parts: Partial<CounterCall> = {}): Promise<CounterReply> =>
  sequence.send({ kind: 'once', call: 0, standbySize: 0, receipt, ...parts });
const rangesOf = (reply: CounterReply): unknown => (reply.kind === 'receipt' ? reply.receipt.ranges : reply.kind);
const stored = () => sequence.redis.client.get(RECEIPT);
const recordOf = async (node: string): Promise<string[]> =>
  ((await sequence.redis.client.hget(STATE, `n:${node}`)) ?? '').split(' ');

describe('an entry with a receipt', () => {
  test('leaves a receipt for 24 h that says everything, and moves the counter', async () => {
    await sequence.send({ count: 2 });
    expect(rangesOf(await once({ count: 3 }))).toEqual([range(3n, 5n)]);
    expect(await stored()).toBe(`f ${AT} 3-5-${sequence.fence.epoch} p: {"format": "x y"}`);
    const left = await sequence.redis.client.pttl(RECEIPT);
    expect(86_400_000 - left).toBeLessThan(10_000);
    expect(await sequence.redis.client.mget('sequence:INV')).toEqual(['5']);
    expect(await sequence.redis.client.hget(STATE, 'value')).toBe('5');
  });

  test('changes nothing when the receipt is found', async () => {
    await sequence.send({ count: 2 });
    await once({ count: 3 });
    const before = [await sequence.snapshot(), await stored()];
    expect(rangesOf(await once({ count: 3, receipt: { ...receipt, atMs: AT + 5 } }))).toEqual([range(3n, 5n)]);
    expect(await once({ receipt: { ...receipt, fingerprint: 'g' } })).toMatchObject({ kind: 'conflict' });
    expect([await sequence.snapshot(), await stored()]).toEqual(before);
  });

  test('leaves the numbered calls of its node as they are', async () => {
    const call = { call: 2, kind: 'take', count: 2, seen: 1n } as const;
    await sequence.send({});
    const first = await sequence.send(call);
    await once({ count: 3, seen: 3n });
    expect(await sequence.send(call)).toEqual(first);
    expect(await sequence.send({ call: 3, kind: 'take', seen: 6n })).toMatchObject({ range: range(7n, 7n) });
  });

  test('takes returned values first, and jumps what is spoken for: several ranges', async () => {
    await sequence.send({ count: 10, standbySize: 0 });
    await sequence.sendB({ count: 1, standbySize: 0 });
    await sequence.sendB({ node: 'node-c', count: 0 }); // holds 22-26
    await sequence.send({ call: 2, kind: 'take', count: 0, standbySize: 0, returned: [range(4n, 5n), range(9n, 10n)] });
    const ahead = ((await sequence.redis.client.hget(STATE, 'ahead')) ?? '').split(':').slice(0, 2).map(BigInt);
    const [first = 0n, last = 0n] = ahead;
    const count = Number(first - 12n) + 4 + 3;
    expect(rangesOf(await once({ count, seen: 10n }))).toEqual([
      range(4n, 5n),
      range(9n, 10n),
      range(12n, first - 1n),
      range(last + 1n, last + 3n),
    ]);
    expect(await sequence.gaps()).toEqual([`${first}-${last} node-crash node-c@1`]);
    expect(await sequence.redis.client.hget(STATE, 'free')).toBe('');
  });

  test('says that the standby must be looked at when the counter has come near', async () => {
    await sequence.send({ count: 1, standbySize: 5 });
    expect(await once({ count: 1, seen: 1n })).toMatchObject({ standbyNear: false });
    expect(await once({ count: 8, seen: 2n, receipt: { ...receipt, hash: 'b' } })).toMatchObject({ standbyNear: true });
  });

  test('of a node that never joined, or of an epoch that is over, is refused', async () => {
    await sequence.sendB({});
    expect(await once({})).toEqual({ kind: 'forgotten' });
    await sequence.send({});
    await once({});
    expect(await once({ epoch: sequence.fence.epoch - 1n })).toEqual({ kind: 'forgotten' });
    expect(await once({ epoch: sequence.fence.epoch + 1n })).toEqual({ kind: 'recovering' });
    await sequence.replaceServer();
    expect(await once({})).toEqual({ kind: 'recovering' });
  });

  test('stops at a ceiling that others keep, with nothing done', async () => {
    await sequence.send({ window: 100, standbySize: 0 });
    const { ceiling } = sequence.fence;
    const before = [await sequence.snapshot(), await stored()];
    expect(await once({ window: 0, count: Number(ceiling) })).toMatchObject({ kind: 'ceiling' });
    expect([await sequence.snapshot(), await stored()]).toEqual(before);
    expect(rangesOf(await once({ window: 0, count: Number(ceiling) - 1 }))).toEqual([range(2n, ceiling)]);
  });

  test.each([
    ['a receipt of another type', () => sequence.redis.client.rpush(RECEIPT, 'x')],
    ['an unreadable receipt', () => sequence.redis.client.set(RECEIPT, 'what is this')],
    ['a gap record of another type', () => sequence.redis.client.set(GAPS, 'x')],
  ])('meets %s: it is refused alone, and nothing is taken', async (_title, spoil) => {
    await sequence.send({});
    await spoil();
    const reply = await once({ initialSeq: 10n, seen: 1n });
    expect(reply.kind).toBe('corrupt');
    expect(await sequence.redis.client.get('sequence:INV')).toBe('1');
  });
});

describe('a recovery after entries with receipts', () => {
  test('waits for a node that has made nothing else for a minute', async () => {
    await sequence.send({ standbySize: 0 });
    const [number, , ...rest] = await recordOf('node-a');
    const agePast = async () => sequence.redis.client.hset(STATE, 'n:node-a', [number, '1000', ...rest].join(' '));
    for (const found of [false, true]) {
      await agePast();
      expect(await once({ seen: 1n })).toMatchObject({ replayed: found });
      expect(Math.abs(Number((await recordOf('node-a'))[1]) - Date.now() / 1000)).toBeLessThan(60);
      expect((await recordOf('node-a')).toSpliced(1, 1)).toEqual([number, ...rest]);
    }
    await sequence.replaceServer();
    const waiting = await sequence.report({ node: 'node-b' });
    expect(waiting).toMatchObject({ kind: 'waiting', missing: ['node-a'] });
  });

  test('hands out nothing again that was free in the older state, and was taken with a receipt since', async () => {
    await sequence.send({ count: 5, standbySize: 0 });
    await sequence.send({ call: 2, kind: 'take', count: 0, standbySize: 0, returned: [range(2n, 3n)] });
    const rollBack = await sequence.remember();
    expect(rangesOf(await once({ count: 2, seen: 5n }))).toEqual([range(2n, 3n)]);
    await rollBack();
    const { epoch } = sequence.fence;
    await sequence.report({
      settled: 2,
      settledEpoch: epoch,
      epoch: epoch + 1n,
      seen: 5n,
      taken: [range(1n, 1n), range(4n, 5n), range(2n, 3n)],
    });
    await sequence.install();
    const next = await sequence.send({ call: 3, kind: 'take', standbySize: 0, seen: 5n, count: 2 });
    expect(next).toMatchObject({ kind: 'taken', range: range(6n, 7n) });
    expect(await sequence.gaps()).toEqual([]);
  });

  test('leaves receipts that were kept as they are', async () => {
    await sequence.send({ standbySize: 0 });
    await once({ seen: 1n });
    await sequence.replaceServer();
    const { epoch } = sequence.fence;
    const report = { settled: 1, settledEpoch: epoch, epoch: epoch + 1n, seen: 2n, taken: [range(1n, 2n)] };
    await sequence.report(report);
    await sequence.install();
    expect(rangesOf(await once({ seen: 2n }))).toEqual([range(2n, 2n)]);
  });
});

describe('a receipt that outlives the state it was written with', () => {
  const lastOf = async (): Promise<unknown> => (await sequence.store.findReceipt?.(INV.series, 'abc'))?.ranges;
  /** `node-a` took 1-2, and 3-5 went into a receipt whose reply was lost; then counter and state are deleted. */
  const deleteState = async (): Promise<void> => {
    await sequence.send({ count: 2, standbySize: 0 });
    expect(rangesOf(await once({ count: 3 }))).toEqual([range(3n, 5n)]);
    await sequence.redis.client.del('sequence:INV', STATE, GAPS);
    await sequence.report({ settled: 1, seen: 2n, taken: [range(1n, 2n)] });
    await sequence.install();
  };

  test.each([
    ['of this release', async () => undefined],
    ['of an earlier one', () => sequence.redis.client.set(RECEIPT, `f ${AT} 3-5 p: {"format": "x y"}`)],
  ])('%s gives nobody what was handed out again since', async (_title, rewrite) => {
    await deleteState();
    await rewrite();
    expect(await sequence.sendB({ count: 3, standbySize: 0 })).toMatchObject({ range: range(3n, 5n) });
    expect(await lastOf()).toBeUndefined();
    expect(await once({ count: 3, seen: 2n })).toMatchObject({ replayed: false });
    expect(await lastOf()).toEqual([range(6n, 8n)]);
    expect(rangesOf(await once({ count: 3, seen: 2n }))).toEqual([range(6n, 8n)]);
  });

  test('another request under its key is served, not refused', async () => {
    await deleteState();
    expect(await once({ count: 3, seen: 2n, receipt: { ...receipt, fingerprint: 'g' } })).toMatchObject({
      kind: 'receipt',
      replayed: false,
    });
  });

  test('is good for what lies below where counting went on', async () => {
    await sequence.send({ count: 2, standbySize: 0 });
    await once({ count: 3 });
    await sequence.replaceServer();
    // The node was given 6-7 in a call that this server has lost.
    await sequence.report({ settled: 2, seen: 7n, taken: [range(1n, 2n), range(6n, 7n)] });
    await sequence.install();
    expect(await sequence.redis.client.hget(STATE, 'receipts')).toBe(`${sequence.fence.epoch}:7`);
    expect(rangesOf(await once({ count: 3, seen: 7n }))).toEqual([range(3n, 5n)]);
    expect(await lastOf()).toEqual([range(3n, 5n)]);
  });

  /** The epoch after the present one was granted and never installed: `grantedSince` says to whom. */
  const skipEpoch = async (grantedSince: bigint | undefined): Promise<void> => {
    await sequence.send({ count: 2, standbySize: 0 });
    await once({ count: 3 });
    await sequence.replaceServer();
    const { epoch } = sequence.fence;
    await sequence.report({ settled: 2, epoch: epoch + 2n, seen: 7n, taken: [range(1n, 2n), range(6n, 7n)] });
    await sequence.install({ epoch: epoch + 2n, grantedSince: grantedSince && epoch + grantedSince });
  };

  test('is good after an epoch that was granted to the same server, and never begun', async () => {
    await skipEpoch(1n);
    expect(await sequence.redis.client.hget(STATE, 'receipts')).toBe(`${sequence.fence.epoch}:7`);
    expect(rangesOf(await once({ count: 3, seen: 7n }))).toEqual([range(3n, 5n)]);
  });

  test.each([
    ['was granted to another server', 2n],
    ['may have been, for an earlier release granted it', undefined],
  ])('is void after an epoch that %s', async (_title, grantedSince) => {
    await skipEpoch(grantedSince);
    expect(await sequence.redis.client.hget(STATE, 'receipts')).toBe(`${sequence.fence.epoch}:0`);
    expect(await once({ count: 3, seen: 7n })).toMatchObject({ replayed: false });
  });

  test('is void where the state is lost, whoever epochs were granted to', async () => {
    await sequence.send({ count: 2, standbySize: 0 });
    await once({ count: 3 });
    await sequence.redis.client.del('sequence:INV', STATE, GAPS);
    const epoch = sequence.fence.epoch + 1n;
    await sequence.report({ settled: 1, epoch, seen: 2n, taken: [range(1n, 2n)] });
    await sequence.install({ epoch, grantedSince: 1n });
    expect(await once({ count: 3, seen: 2n })).toMatchObject({ replayed: false });
  });

  test('is judged by no more than sixteen losses, the oldest of them the more strictly', async () => {
    await sequence.send({ count: 2, standbySize: 0 });
    await once({ count: 3 });
    for (let loss = 1; loss <= 20; loss += 1) {
      const seen = BigInt(7 + loss);
      await sequence.replaceServer();
      await sequence.report({ settled: 2, seen, taken: [range(1n, 2n), range(6n, seen)] });
      await sequence.install();
    }
    const losses = ((await sequence.redis.client.hget(STATE, 'receipts')) ?? '').split(' ');
    expect(losses).toHaveLength(16);
    expect(losses[0]).toMatch(/:8$/);
    expect(losses.at(-1)).toBe(`${sequence.fence.epoch}:27`);
    expect(rangesOf(await once({ count: 3, seen: 27n }))).toEqual([range(3n, 5n)]);
  });
});

describe('the key of a receipt', () => {
  test('that is not the entry’s own is refused before anything is done', async () => {
    await sequence.send({});
    const { epoch } = sequence.fence;
    const entry = `node-a 0 once 1 0 100 0 - 0 1 ${epoch} 10000 abc f ${AT} p: {}`;
    const sha = (await sequence.redis.client.script('LOAD', RESERVE_SCRIPT)) as string;
    const run = (key: string): Promise<unknown> =>
      sequence.redis.client.evalsha(sha, 4, 'sequence:INV', STATE, GAPS, key, entry);
    expect(await run('{sequence:INV}:receipt:other')).toEqual([expect.stringMatching(/^corrupt /)]);
    expect(await run(RECEIPT)).toEqual([expect.stringMatching(/^receipt new /)]);
  });
});
