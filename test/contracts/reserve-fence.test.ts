/** The fence of `reserve.lua`: which server counts, and in which epoch. */
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { startRedisServer } from '../support/redis.ts';
import {
  range,
  type SequenceUnderTest,
  STATE,
  sequenceForTests,
  startSequenceUnderTest,
} from '../support/sequence-under-test.ts';

const sequence = sequenceForTests();

/** The epoch and the ceiling in the state of the sequence, after the identity of the server that counts. */
const served = async ({ redis }: SequenceUnderTest): Promise<string> => {
  const [server = '', ...rest] = ((await redis.client.hget(STATE, 'fence')) ?? '').split(' ');
  const isThis = server.length === 40 && (await redis.client.info()).includes(`:${server}\r\n`);
  return [isThis ? 'this server' : server, ...rest].join(' ');
};

describe('a server', () => {
  test('leaves its name, the epoch and the ceiling in the state of a sequence', async () => {
    await sequence.send({ count: 3, standbySize: 0 });
    const { epoch, ceiling } = sequence.fence;
    expect(ceiling).toBe(10_003n);
    expect(await served(sequence)).toBe(`this server ${epoch} 10003`);
  });

  test('that was restarted hands out nothing before it was recovered, and goes on after it', async () => {
    await using server = await startRedisServer({ appendonly: true });
    const client = new Redis(server.url);
    const own = { url: server.url, client, stop: async () => client.disconnect() };
    const restarted = await startSequenceUnderTest(undefined, own);
    await restarted.send({ count: 3, standbySize: 0 });
    const { epoch } = restarted.fence;
    await server.restart();
    const before = await restarted.snapshot();
    expect(await restarted.send({ count: 3, standbySize: 0 })).toEqual({ kind: 'recovering' });
    expect(await restarted.send({ call: 2, kind: 'take', standbySize: 0, seen: 3n })).toEqual({ kind: 'recovering' });
    expect(await restarted.sendB({})).toEqual({ kind: 'recovering' });
    expect(await restarted.advance(9n)).toEqual({ kind: 'recovering' });
    expect(await restarted.account()).toBeUndefined();
    expect(await restarted.snapshot()).toEqual(before);

    await restarted.report({ settled: 1, seen: 3n, taken: [range(1n, 3n)] });
    expect(await restarted.install()).toBe(true);
    expect(await served(restarted)).toBe(`this server ${restarted.fence.epoch} 10003`);
    expect(restarted.fence.epoch).toBeGreaterThan(epoch);
    expect(await restarted.send({ call: 2, kind: 'take', standbySize: 0, seen: 3n })).toMatchObject({
      range: range(4n, 4n),
    });
    await own.stop();
  });

  test.each([
    ['a counter that it has not counted', () => sequence.redis.client.set('sequence:INV', '41')],
    ['a value without a fence', () => sequence.redis.client.hset(STATE, 'value', '41')],
  ])('does not count on from %s by itself', async (_title, leave) => {
    await leave();
    const before = await sequence.snapshot();
    expect(await sequence.send({})).toEqual({ kind: 'recovering' });
    expect(await sequence.advance(50n)).toEqual({ kind: 'recovering' });
    expect(await sequence.snapshot()).toEqual(before);
  });

  test('that knows nothing begins by itself only for a node that knows nothing either, and leaves the ceiling to it', async () => {
    expect(await sequence.send({ epoch: 1n })).toEqual({ kind: 'recovering' });
    expect(await sequence.send({ window: 0 })).toEqual({ kind: 'recovering' });
    expect(await sequence.redis.client.keys('*')).toEqual([]);
    expect(await sequence.send({})).toMatchObject({ kind: 'taken' });
  });
});

describe('a call', () => {
  test('of an older epoch is refused, for its node must report', async () => {
    await sequence.send({ count: 3 });
    const epoch = sequence.fence.epoch - 1n;
    const before = await sequence.snapshot();
    for (const kind of ['take', 'join', 'leave'] as const) {
      expect(await sequence.send({ call: 2, kind, epoch })).toEqual({ kind: 'forgotten' });
    }
    expect(await sequence.send({ count: 3, epoch })).toEqual({ kind: 'forgotten' });
    expect(await sequence.snapshot()).toEqual(before);
  });

  test('of a newer epoch is refused, for the state is older than its node', async () => {
    await sequence.send({ count: 3 });
    const epoch = sequence.fence.epoch + 1n;
    const before = await sequence.snapshot();
    for (const kind of ['take', 'join', 'leave'] as const) {
      expect(await sequence.send({ call: 2, kind, epoch })).toEqual({ kind: 'recovering' });
    }
    expect(await sequence.snapshot()).toEqual(before);
  });

  test('of a node that was given more than the state knows is refused', async () => {
    await sequence.send({ count: 3 });
    const before = await sequence.snapshot();
    expect(await sequence.send({ call: 2, kind: 'take', seen: 4n })).toEqual({ kind: 'recovering' });
    expect(await sequence.snapshot()).toEqual(before);
  });
});
