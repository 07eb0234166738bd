/** A recovery of `reserve.lua` while it is under way: who hears of it, and for whom it waits. */
import { describe, expect, test } from 'vitest';
import type { ReportReply } from '../../src/core/counter/counter-fence.ts';
import { range, STATE, sequenceForTests } from '../support/sequence-under-test.ts';

const sequence = sequenceForTests();

/** `node-a` took 1-3 and `node-b` 4-5; another server has taken over, and `node-a` has reported. */
const begin = async (): Promise<ReportReply> => {
  await sequence.send({ count: 3, standbySize: 0 });
  await sequence.sendB({ count: 2, standbySize: 0 });
  await sequence.replaceServer();
  return sequence.report({ settled: 1, seen: 3n, taken: [range(1n, 3n)] });
};
const fromB = { node: 'node-b', settled: 1, seen: 5n, taken: [range(4n, 5n)] };

describe('a recovery', () => {
  test('does not wait for nodes that have left, for advances, or for nodes silent for a minute before', async () => {
    const { client } = sequence.redis;
    await sequence.send({ count: 3, standbySize: 0 });
    await sequence.sendB({ standbySize: 0 });
    await sequence.send({ node: 'node-c', standbySize: 0 });
    await sequence.sendB({ call: 2, kind: 'leave', count: 0 });
    await sequence.advance(20n);
    const record = (await client.hget(STATE, 'n:node-c')) ?? '';
    const silent = record.replace(/^(\d+) (\d+)/, (_, call, at) => `${call} ${Number(at) - 61}`);
    await client.hset(STATE, 'n:node-c', silent);
    await sequence.replaceServer();
    expect(await sequence.report({ node: 'node-d' })).toMatchObject({ reported: ['node-d'], missing: ['node-a'] });
  });

  test('tells how long it has been under way', async () => {
    await begin();
    const reply = await sequence.report(fromB);
    const since = reply.kind === 'waiting' ? reply : undefined;
    const [seconds = '0', micros = '0'] = (await sequence.redis.client.time()).map(String);
    const nowMs = Number(seconds) * 1_000 + Number(micros) / 1_000;
    expect(Math.abs(nowMs - Number(since?.recovery.time) / 1_000 - (since?.sinceMs ?? 0))).toBeLessThan(10_000);
  });

  test('makes what a node was given last, and nobody vouches for, missing until the node says so', async () => {
    await begin();
    await sequence.install({ jumpTo: 10n, ceiling: 10_100n });
    expect(await sequence.gaps()).toEqual(['4-5 recovery-jump node-b', '6-10 recovery-jump -']);
    const { epoch } = sequence.fence;
    await sequence.report({ ...fromB, sworn: false, epoch: epoch - 1n });
    expect(await sequence.gaps()).toEqual(['6-10 recovery-jump -']);
  });

  test('is made known to every node that listens', async () => {
    const listener = sequence.redis.client.duplicate();
    const heard: string[] = [];
    await listener.subscribe('sequences:recovering');
    listener.on('message', (_channel, key) => heard.push(key));
    await begin();
    await sequence.report(fromB);
    await listener.ping();
    expect(heard).toEqual(['sequence:INV']);
    listener.disconnect();
  });
});
