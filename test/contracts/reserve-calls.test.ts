/** What `reserve.lua` does with calls: repeated, stale, corrupt, or of a node it has forgotten. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CounterCall } from '../../src/core/counter-store.ts';
import { createReserveStore, RESERVE_SCRIPT } from '../support/reserve-script.ts';
import {
  call,
  GAPS,
  keep,
  range,
  type SequenceUnderTest,
  STATE,
  segment,
  startSequenceUnderTest,
} from '../support/sequence-under-test.ts';

let sequence: SequenceUnderTest;
beforeAll(async () => {
  sequence = await startSequenceUnderTest();
});
beforeEach(async () => {
  await sequence.redis.client.flushall();
});
afterAll(() => sequence.redis.stop());

describe('a repeated call', () => {
  it('returns the same and changes nothing', async () => {
    const first = await sequence.send({ count: 3 });
    await sequence.sendB({});
    const before = await sequence.snapshot();
    expect(await sequence.send({ count: 3 })).toEqual(first);
    expect(await sequence.send({ count: 99, initialSeq: 500n })).toEqual(first);
    expect(await sequence.snapshot()).toEqual(before);
  });

  it('returns the same when it was exhausted, whatever has come back since', async () => {
    await sequence.send({ count: 4, limit: 4n, standbySize: 0 });
    const refused = await sequence.sendB({ count: 2, limit: 4n, standbySize: 0 });
    await sequence.send({ call: 2, kind: 'leave', count: 0, returned: [range(1n, 4n)] });
    expect(await sequence.sendB({ count: 2, limit: 4n, standbySize: 0 })).toEqual(refused);
  });

  it('is refused when it is older than the last one', async () => {
    await sequence.send({});
    await sequence.send({ call: 2, kind: 'take' });
    const before = await sequence.snapshot();
    expect(await sequence.send({})).toEqual({ kind: 'stale', lastCall: 2 });
    expect(await sequence.snapshot()).toEqual(before);
  });

  it('of a node that never joined is refused', async () => {
    expect(await sequence.send({ call: 9, kind: 'take' })).toEqual({ kind: 'forgotten' });
    expect(await sequence.redis.client.keys('*')).toEqual([]);
  });
});

describe('a corrupt entry', () => {
  const spoilt: readonly [string, () => Promise<unknown>][] = [
    ['a counter of another type', () => sequence.redis.client.rpush('sequence:INV', 'x')],
    ['a counter that is no number', () => sequence.redis.client.set('sequence:INV', '12a')],
    ['a counter with a leading zero', () => sequence.redis.client.set('sequence:INV', '012')],
    ['a negative counter', () => sequence.redis.client.set('sequence:INV', '-1')],
    ['a counter above 2^64 - 1', () => sequence.redis.client.set('sequence:INV', '18446744073709551616')],
    ['a state of another type', () => sequence.redis.client.set(STATE, 'x')],
    ['an unreadable value in the state', () => sequence.redis.client.hset(STATE, 'value', 'x')],
    ['unreadable ahead ranges', () => sequence.redis.client.hset(STATE, 'ahead', '1:2:aa@1 what')],
    ['unreadable free ranges', () => sequence.redis.client.hset(STATE, 'free', '1-2')],
    ['an unreadable record of the node', () => sequence.redis.client.hset(STATE, 'n:node-a', 'x')],
  ];

  it.each(spoilt)('(%s) is refused alone, and changes nothing', async (_, spoil) => {
    await spoil();
    const dump = async () =>
      [await sequence.redis.client.dump('sequence:INV'), await sequence.redis.client.dump(STATE)].map(String);
    const before = await dump();
    const neighbours = ['A', 'B'].map((prefixKey) => call({ sequence: { prefixKey, period: '' } }));
    const replies = await sequence.store.reserve([...neighbours.slice(0, 1), call(), ...neighbours.slice(1)]);
    expect(replies.map(({ kind }) => kind)).toEqual(['taken', 'corrupt', 'taken']);
    expect(await dump()).toEqual(before);
  });

  it('(a gap record of another type) is refused before anything is written', async () => {
    await sequence.redis.client.set(GAPS, 'x');
    await sequence.send({});
    const before = [await sequence.redis.client.get('sequence:INV'), await sequence.redis.client.hgetall(STATE)];
    expect(await sequence.send({ call: 2, kind: 'take', initialSeq: 100n })).toMatchObject({ kind: 'corrupt' });
    expect([await sequence.redis.client.get('sequence:INV'), await sequence.redis.client.hgetall(STATE)]).toEqual(
      before,
    );
  });
});

describe('nodes long gone', () => {
  const forgetful = RESERVE_SCRIPT.replace('NODES_MAX = 64', 'NODES_MAX = 6').replace(
    'KEEP_SECONDS = 600',
    'KEEP_SECONDS = -1',
  );

  it('are folded into the gap record; one that lives joins anew and goes on', async () => {
    const store = createReserveStore(sequence.redis.client, forgetful);
    const reserve = async (parts: Partial<CounterCall>) => (await store.reserve([call(parts)]))[0];
    await reserve({ count: 2 });
    await reserve({ node: 'node-b' });
    await reserve({ node: 'node-b', call: 2, kind: 'leave', count: 0 });
    for (let i = 0; i < 8; i++) await reserve({ node: `node-${i}`, standbySize: 0 });
    expect(await sequence.redis.client.hlen(STATE)).toBeLessThan(12);
    expect(await sequence.gaps()).toContain('1-2 node-crash node-a');
    const holding = segment(19n, 23n, 1);
    expect(await reserve({ call: 2, kind: 'take', holding, seen: 2n })).toEqual({ kind: 'forgotten' });
    const lastRange = range(1n, 2n);
    const rejoined = await reserve({ call: 3, count: 0, holding, seen: 2n, lastRange });
    expect(rejoined).toMatchObject({ kind: 'nothing', standby: { kind: 'offer' } });
    expect((await sequence.gaps()).filter((gap) => gap.includes('node-a'))).toEqual(['19-23 node-crash node-a@1']);
    const next =
      rejoined?.kind === 'nothing' && rejoined.standby.kind === 'offer' ? rejoined.standby.segment : undefined;
    const released = [{ first: 19n, offeredIn: 1, used: 1n }];
    const reply = await reserve({ call: 4, kind: 'take', count: 2, holding: next, released, seen: 2n });
    expect(reply).toMatchObject({ range: range(20n, 21n), returned: true });
    expect((await sequence.gaps()).filter((gap) => gap.includes('node-a'))).toEqual([]);
  });
});

describe('a store that has forgotten', () => {
  it('hands out nothing from the old value, and goes on after what the node has seen', async () => {
    await sequence.send({ count: 9 });
    await sequence.redis.client.flushall();
    await sequence.sendB({ count: 1, standbySize: 0 });
    const holding = segment(82n, 86n, 1);
    expect(await sequence.send({ call: 2, kind: 'take', holding, seen: 9n })).toEqual({ kind: 'forgotten' });
    expect(await sequence.send({ call: 3, count: 0, holding, seen: 9n, lastRange: range(1n, 9n) })).toEqual({
      kind: 'nothing',
      standby: keep,
    });
    expect(await sequence.send({ call: 4, kind: 'take', holding, seen: 9n })).toMatchObject({ range: range(10n, 10n) });
    expect(await sequence.redis.client.hget(STATE, 'ahead')).toBe('82:86:node-a@1');
  });
});
