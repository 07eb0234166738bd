/** Recoveries of `reserve.lua` told apart: what was said for one does not count for another. */
import { describe, expect, test } from 'vitest';
import type { ReportReply } from '../../src/core/counter/counter-fence.ts';
import { range, STATE, segment, sequenceForTests } from '../support/sequence-under-test.ts';

const sequence = sequenceForTests();

const recoveryOf = (reply: ReportReply) => (reply.kind === 'waiting' ? reply.recovery : undefined);

/** `node-a` took 1-3 and `node-b` 4-5; another server has taken over, and `node-a` has reported. */
const begin = async (): Promise<ReportReply> => {
  await sequence.send({ count: 3, standbySize: 0 });
  await sequence.sendB({ count: 2, standbySize: 0 });
  await sequence.replaceServer();
  return sequence.report({ settled: 1, seen: 3n, taken: [range(1n, 3n)] });
};
const fromB = { node: 'node-b', settled: 1, seen: 5n, taken: [range(4n, 5n)] };

describe('a report', () => {
  test('without the name of a recovery is told that name, and does not count', async () => {
    await begin();
    const reply = await sequence.report({ ...fromB, recovery: undefined });
    expect(reply).toMatchObject({ kind: 'waiting', reported: ['node-a'], missing: ['node-b'] });
    expect(await sequence.report({ ...fromB, recovery: recoveryOf(reply) })).toMatchObject({
      recovery: recoveryOf(reply),
      reported: expect.arrayContaining(['node-a', 'node-b']),
      missing: [],
    });
  });

  test('for an earlier recovery does not count when it comes late', async () => {
    const earlier = recoveryOf(await begin());
    await sequence.report(fromB);
    await sequence.install();
    await sequence.replaceServer();
    const next = await sequence.report({ settled: 1, seen: 3n, taken: [range(1n, 3n)] });
    expect(recoveryOf(next)).not.toEqual(earlier);
    expect(await sequence.report({ ...fromB, recovery: earlier })).toMatchObject({
      reported: ['node-a'],
      missing: ['node-b'],
    });
  });

  test('that was made to another server is forgotten by one that takes over in the midst of it', async () => {
    await begin();
    expect(await sequence.report(fromB)).toMatchObject({ missing: [] });
    await sequence.redis.client.hset(STATE, 'rec', 'another 1795224970123456');
    expect(await sequence.report({ settled: 1, seen: 3n })).toMatchObject({
      reported: ['node-a'],
      missing: ['node-b'],
    });
  });

  test('for a recovery that has ended begins no other', async () => {
    const ended = recoveryOf(await begin());
    const { epoch } = sequence.fence;
    await sequence.report(fromB);
    await sequence.install();
    const before = await sequence.snapshot();
    expect(await sequence.report({ ...fromB, settled: 0, epoch: epoch + 1n, recovery: ended })).toMatchObject({
      kind: 'reported',
      fence: sequence.fence,
    });
    expect(await sequence.snapshot()).toEqual(before);
  });

  test('that swears nothing off is not enough for a recovery, and begins none', async () => {
    await sequence.send({ count: 3 });
    await sequence.replaceServer();
    const before = await sequence.snapshot();
    expect(await sequence.report({ sworn: false, epoch: sequence.fence.epoch })).toEqual({ kind: 'recovering' });
    expect(await sequence.snapshot()).toEqual(before);
  });

  test('for an epoch above that of the server stops it, for the node knows of a later one', async () => {
    await sequence.send({ count: 3, standbySize: 0 });
    const { epoch } = sequence.fence;
    expect(await sequence.report({ epoch: epoch + 5n })).toMatchObject({ kind: 'waiting', epoch: epoch + 4n });
    expect(await sequence.send({ call: 2, kind: 'take', standbySize: 0 })).toEqual({ kind: 'recovering' });
    await sequence.report({ epoch: epoch + 5n });
    await sequence.install();
    expect(sequence.fence.epoch).toBeGreaterThanOrEqual(epoch + 5n);
  });
});

describe('a late report', () => {
  test('leaves what the state knows of its node, when the node says nothing else', async () => {
    await begin();
    await sequence.report(fromB);
    const { epoch } = sequence.fence;
    await sequence.redis.client.hdel(STATE, 'r:node-a');
    await sequence.install();
    const late = { sworn: false, epoch, settledEpoch: epoch, settled: 1, seen: 3n, taken: [range(1n, 3n)] };
    expect(await sequence.report(late)).toMatchObject({ kind: 'reported' });
    const account = await sequence.account();
    expect(account?.gaps).toContainEqual(
      expect.objectContaining({ range: range(1n, 3n), reason: 'node-crash', node: 'node-a' }),
    );
  });

  test('of a standby that the counter has passed in part lets the node give back the rest of it', async () => {
    await sequence.sendB({ count: 30, standbySize: 0 });
    const { epoch } = sequence.fence;
    await sequence.report({ sworn: false, epoch, settled: 1, holding: segment(28n, 32n, 1) });
    expect(await sequence.gaps()).toEqual(['28-32 node-crash node-a@1']);
    const released = [{ first: 28n, offeredIn: 1, used: 3n }];
    const next = { call: 2, kind: 'take', count: 9, standbySize: 0, released } as const;
    expect(await sequence.send(next)).toMatchObject({ range: range(31n, 32n), returned: true });
    expect(await sequence.gaps()).toEqual([]);
  });

  test('takes the place of a record that knows less of its node', async () => {
    await sequence.send({ count: 3, standbySize: 0 });
    await sequence.report({ sworn: false, epoch: sequence.fence.epoch, settled: 3, seen: 3n, taken: [range(1n, 3n)] });
    expect(await sequence.send({ call: 2, kind: 'take' })).toEqual({ kind: 'stale', lastCall: 3 });
  });
});

describe('a brief report', () => {
  const briefA = { settled: 1, seen: 3n, brief: true };
  const briefB = { ...fromB, taken: [], brief: true };

  test('stands for the one that was taken down; without one the node is asked for all of it', async () => {
    const recovery = recoveryOf(await begin());
    expect(await sequence.report(briefA)).toMatchObject({ reported: ['node-a'], missing: ['node-b'] });
    expect(await sequence.report({ ...briefB, recovery })).toEqual({ kind: 'recovering' });
    await sequence.install({ jumpTo: 6n });
    expect(await sequence.gaps()).toEqual(['4-5 recovery-jump node-b', '6-6 recovery-jump -']);
  });

  test('is enough after the recovery for a node whose report went into it, and for no other', async () => {
    await begin();
    const { epoch } = sequence.fence;
    await sequence.install({ jumpTo: 6n });
    const before = await sequence.snapshot();
    expect(await sequence.report({ ...briefA, epoch: epoch + 1n })).toEqual({
      kind: 'reported',
      fence: sequence.fence,
    });
    expect(await sequence.report({ ...briefB, epoch: epoch + 1n })).toEqual({ kind: 'recovering' });
    expect(await sequence.report({ ...briefB, node: 'node-c', epoch: epoch + 1n })).toEqual({ kind: 'recovering' });
    expect(await sequence.snapshot()).toEqual(before);
  });

  test('is not enough for a node that has counted elsewhere since: it names the recovery of another server', async () => {
    await begin();
    const { epoch } = sequence.fence;
    await sequence.install({ jumpTo: 6n });
    const elsewhere = { ...briefA, epoch: epoch + 1n, settled: 3, recovery: { server: 'another', time: '1' } };
    expect(await sequence.report(elsewhere)).toEqual({ kind: 'recovering' });
  });
});

describe('an install', () => {
  test('of an earlier recovery does not count when it comes late', async () => {
    const earlier = recoveryOf(await begin());
    await sequence.replaceServer();
    await sequence.redis.client.hset(STATE, 'rec', 'another 1');
    await sequence.report({ settled: 1, seen: 3n });
    const before = await sequence.snapshot();
    expect(await sequence.install(earlier && { recovery: earlier })).toBe(false);
    expect(await sequence.snapshot()).toEqual(before);
    expect(await sequence.install()).toBe(true);
  });

  test('counts once: a second one changes nothing, also when its node would have jumped', async () => {
    await begin();
    await sequence.report(fromB);
    expect(await sequence.install()).toBe(true);
    const fields = await sequence.redis.client.hkeys(STATE);
    expect(fields.filter((field) => field.startsWith('r:'))).toEqual([]);
    const before = await sequence.snapshot();
    expect(await sequence.install({ jumpTo: 10_003n })).toBe(false);
    expect(await sequence.snapshot()).toEqual(before);
  });

  test('for another server does not count', async () => {
    const recovery = recoveryOf(await begin());
    expect(recovery).toBeDefined();
    expect(await sequence.install({ recovery: { server: 'another', time: recovery?.time ?? '' } })).toBe(false);
  });

  test('begins a later epoch also when the clock of the server was set back', async () => {
    await sequence.send({});
    await sequence.redis.client.hset(STATE, 'fence', 'another 9000000000000000 500');
    await sequence.report({ recovery: undefined });
    expect(await sequence.install()).toBe(true);
    expect(sequence.fence.epoch).toBe(9_000_000_000_000_001n);
  });

  test('begins an epoch no node has sworn off', async () => {
    await begin();
    const { epoch } = sequence.fence;
    await sequence.report({ ...fromB, epoch: epoch + 7n });
    expect(await sequence.install({ epoch: epoch + 6n })).toBe(false);
    expect(await sequence.install({ epoch: epoch + 7n })).toBe(true);
    expect(sequence.fence.epoch).toBe(epoch + 7n);
    expect(await sequence.sendB({ call: 2, kind: 'take', standbySize: 0 })).toMatchObject({ range: range(6n, 6n) });
  });
});
