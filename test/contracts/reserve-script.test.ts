/** What `reserve.lua` promises, entry by entry, on a real Redis. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CounterCall, CounterStore } from '../../src/core/counter-store.ts';
import { VALUE_MAX } from '../../src/core/value.ts';
import { createRedisCounterStore } from '../../src/stores/redis/redis-counter-store.ts';
import { RESERVE_SCRIPT } from '../../src/stores/redis/reserve-script.ts';
import { type OwnRedis, startOwnRedis } from '../support/own-redis.ts';
import { createReserveRunner } from '../support/reserve-script.ts';

const INV = { prefixKey: 'INV', period: '' };
const STATE = '{sequence:INV}:state';
const GAPS = '{sequence:INV}:gaps';

let redis: OwnRedis;
let store: CounterStore;
beforeAll(async () => {
  redis = await startOwnRedis();
  store = createRedisCounterStore(createReserveRunner(redis.client));
});
beforeEach(async () => {
  await redis.client.flushall();
});
afterAll(() => redis.stop());

const call = (parts: Partial<CounterCall> = {}): CounterCall => ({
  sequence: INV,
  node: 'node-a',
  call: 1,
  kind: 'join',
  count: 1,
  initialSeq: 0n,
  limit: VALUE_MAX,
  standbySize: 5,
  holding: undefined,
  usedInPart: false,
  released: [],
  returned: [],
  seen: 0n,
  lastRange: undefined,
  ...parts,
});
const b = (parts: Partial<CounterCall> = {}): CounterCall => call({ node: 'node-b', ...parts });

const send = async (parts: Partial<CounterCall>) => (await store.exchange([call(parts)]))[0];
const sendB = async (parts: Partial<CounterCall>) => (await store.exchange([b(parts)]))[0];
const range = (first: bigint, last: bigint) => ({ first, last });
const offered = (first: bigint, last: bigint, offeredIn: number) => ({ first, last, offeredIn });
const keep = { kind: 'keep' };
const offer = (first: bigint, last: bigint, offeredIn: number) => ({
  kind: 'offer',
  segment: offered(first, last, offeredIn),
});
const advance = (to: bigint, operation = 'operation', limit = VALUE_MAX) =>
  store.advance({ sequence: INV, operation, to, initialSeq: 0n, limit });
const snapshot = async () => [
  await redis.client.get('sequence:INV'),
  await redis.client.hgetall(STATE),
  await redis.client.hgetall(GAPS),
];
const gaps = async (): Promise<string[]> =>
  Object.entries(await redis.client.hgetall(GAPS))
    .map(([first, entry]) => `${first}-${entry.split(' ').slice(0, 3).join(' ')}`)
    .sort();

describe('taking', () => {
  it('counts 1, 2, 3 across nodes', async () => {
    expect(await send({ count: 2 })).toMatchObject({ kind: 'taken', range: range(1n, 2n), returned: false });
    expect(await sendB({ count: 3 })).toMatchObject({ range: range(3n, 5n) });
    expect(await send({ call: 2, kind: 'take', holding: offered(19n, 23n, 1) })).toEqual({
      kind: 'taken',
      range: range(6n, 6n),
      returned: false,
      standby: keep,
    });
    expect(await redis.client.get('sequence:INV')).toBe('6');
  });

  it('serves many sequences in one call, each under keys of its own', async () => {
    const sequences = ['', '2026', '2027'].map((period) => ({ prefixKey: 'ORD', period }));
    const replies = await store.exchange(sequences.map((sequence, i) => call({ sequence, count: i + 1 })));
    expect(replies.map((reply) => reply.kind === 'taken' && reply.range.last)).toEqual([1n, 2n, 3n]);
    expect((await redis.client.keys('*')).sort()).toEqual([
      'sequence:ORD',
      '{sequence:ORD}:2026',
      '{sequence:ORD}:2026:state',
      '{sequence:ORD}:2027',
      '{sequence:ORD}:2027:state',
      '{sequence:ORD}:state',
    ]);
  });

  it('starts after initialSeq', async () => {
    expect(await send({ initialSeq: 1000n })).toMatchObject({ range: range(1001n, 1001n) });
    expect(await gaps()).toEqual([]);
  });

  it('goes on from a counter that an operator has preloaded', async () => {
    await redis.client.set('sequence:INV', '100');
    expect(await send({})).toMatchObject({ range: range(101n, 101n) });
    expect(await gaps()).toEqual([]);
  });

  it('goes on when the counter was evicted or set back', async () => {
    await send({ count: 7 });
    await redis.client.del('sequence:INV');
    expect(await send({ call: 2, kind: 'take' })).toMatchObject({ range: range(8n, 8n) });
    await redis.client.set('sequence:INV', '3');
    expect(await send({ call: 3, kind: 'take' })).toMatchObject({ range: range(9n, 9n) });
    expect(await redis.client.get('sequence:INV')).toBe('9');
  });

  it('leaves no time to live on the counter', async () => {
    await redis.client.set('sequence:INV', '5', 'EX', 100);
    await send({});
    expect(await redis.client.ttl('sequence:INV')).toBe(-1);
  });

  it.each([10n ** 15n, 2n ** 53n, 2n ** 63n, 10n ** 19n])('is exact across %s', async (edge) => {
    await redis.client.set('sequence:INV', String(edge - 2n));
    const first = await send({ count: 1 });
    expect(first).toMatchObject({ range: range(edge - 1n, edge - 1n) });
    expect(await send({ call: 2, kind: 'take', count: 3, standbySize: 0 })).toMatchObject({
      range: range(edge, edge + 2n),
    });
    expect(await redis.client.get('sequence:INV')).toBe(String(edge + 2n));
  });

  it('takes the very last value, and none after it', async () => {
    await redis.client.set('sequence:INV', String(VALUE_MAX - 2n));
    expect(await send({ count: 2 })).toMatchObject({ range: range(VALUE_MAX - 1n, VALUE_MAX) });
    expect(await sendB({})).toMatchObject({ kind: 'exhausted', valuesLeft: 0n });
  });
});

describe('the limit', () => {
  it('refuses more than is left, says how much is, and takes nothing', async () => {
    await send({ count: 6, limit: 10n, standbySize: 0 });
    expect(await sendB({ count: 5, limit: 10n, standbySize: 0 })).toEqual({
      kind: 'exhausted',
      valuesLeft: 4n,
      standby: keep,
    });
    expect(await redis.client.get('sequence:INV')).toBe('6');
    expect(await sendB({ call: 2, kind: 'take', count: 4, limit: 10n, standbySize: 0 })).toMatchObject({
      range: range(7n, 10n),
    });
  });

  it('counts returned values as left, and standby segments as not', async () => {
    await send({ count: 4, limit: 40n });
    await send({ call: 2, kind: 'leave', count: 0, limit: 40n, returned: [range(1n, 4n)] });
    expect(await sendB({ count: 0, limit: 40n, standbySize: 5 })).toMatchObject({ standby: offer(10n, 14n, 1) });
    expect(await sendB({ call: 2, kind: 'take', count: 36, limit: 40n, holding: offered(10n, 14n, 1) })).toEqual({
      kind: 'exhausted',
      valuesLeft: 35n,
      standby: { kind: 'recall' },
    });
  });

  it('makes standby segments smaller, to none at last', async () => {
    expect(await send({ count: 1, limit: 13n })).toMatchObject({ standby: offer(8n, 10n, 1) });
    expect(await sendB({ count: 1, limit: 13n })).toMatchObject({ standby: offer(11n, 12n, 1) });
    expect(await send({ call: 2, kind: 'leave', count: 0 })).toMatchObject({ kind: 'nothing' });
    const last = await send({ call: 3, kind: 'take', count: 5, limit: 13n, node: 'node-a' });
    expect(last).toMatchObject({ range: range(3n, 7n), standby: offer(13n, 13n, 3) });
    expect(await send({ call: 4, kind: 'take', count: 1, limit: 13n, holding: offered(13n, 13n, 3) })).toMatchObject({
      range: range(8n, 8n),
      standby: keep,
    });
  });
});

describe('a repeated call', () => {
  it('returns the same and changes nothing', async () => {
    const first = await send({ count: 3 });
    await sendB({});
    const before = await snapshot();
    expect(await send({ count: 3 })).toEqual(first);
    expect(await send({ count: 99, initialSeq: 500n })).toEqual(first);
    expect(await snapshot()).toEqual(before);
  });

  it('returns the same when it was exhausted, whatever has come back since', async () => {
    await send({ count: 4, limit: 4n, standbySize: 0 });
    const refused = await sendB({ count: 2, limit: 4n, standbySize: 0 });
    await send({ call: 2, kind: 'leave', count: 0, returned: [range(1n, 4n)] });
    expect(await sendB({ count: 2, limit: 4n, standbySize: 0 })).toEqual(refused);
  });

  it('is refused when it is older than the last one', async () => {
    await send({});
    await send({ call: 2, kind: 'take' });
    const before = await snapshot();
    expect(await send({})).toEqual({ kind: 'stale', lastCall: 2 });
    expect(await snapshot()).toEqual(before);
  });

  it('of a node that never joined is refused', async () => {
    expect(await send({ call: 9, kind: 'take' })).toEqual({ kind: 'forgotten' });
    expect(await redis.client.keys('*')).toEqual([]);
  });
});

describe('a corrupt entry', () => {
  const spoilt: readonly [string, () => Promise<unknown>][] = [
    ['a counter of another type', () => redis.client.rpush('sequence:INV', 'x')],
    ['a counter that is no number', () => redis.client.set('sequence:INV', '12a')],
    ['a counter with a leading zero', () => redis.client.set('sequence:INV', '012')],
    ['a negative counter', () => redis.client.set('sequence:INV', '-1')],
    ['a counter above 2^64 - 1', () => redis.client.set('sequence:INV', '18446744073709551616')],
    ['a state of another type', () => redis.client.set(STATE, 'x')],
    ['an unreadable value in the state', () => redis.client.hset(STATE, 'value', 'x')],
    ['unreadable ahead ranges', () => redis.client.hset(STATE, 'ahead', '1:2:aa@1 what')],
    ['unreadable free ranges', () => redis.client.hset(STATE, 'free', '1-2')],
    ['an unreadable record of the node', () => redis.client.hset(STATE, 'n:node-a', 'x')],
  ];

  it.each(spoilt)('(%s) is refused alone, and changes nothing', async (_, spoil) => {
    await spoil();
    const dump = async () => [await redis.client.dump('sequence:INV'), await redis.client.dump(STATE)].map(String);
    const before = await dump();
    const neighbours = ['A', 'B'].map((prefixKey) => call({ sequence: { prefixKey, period: '' } }));
    const replies = await store.exchange([...neighbours.slice(0, 1), call(), ...neighbours.slice(1)]);
    expect(replies.map(({ kind }) => kind)).toEqual(['taken', 'corrupt', 'taken']);
    expect(await dump()).toEqual(before);
  });

  it('(a gap record of another type) is refused before anything is written', async () => {
    await redis.client.set(GAPS, 'x');
    await send({});
    const before = [await redis.client.get('sequence:INV'), await redis.client.hgetall(STATE)];
    expect(await send({ call: 2, kind: 'take', initialSeq: 100n })).toMatchObject({ kind: 'corrupt' });
    expect([await redis.client.get('sequence:INV'), await redis.client.hgetall(STATE)]).toEqual(before);
  });
});

describe('the standby', () => {
  it('lies ahead at least by its own size, and by eight rounds of what all nodes take', async () => {
    expect(await send({ count: 1 })).toMatchObject({ standby: offer(10n, 14n, 1) });
    expect(await sendB({ count: 1 })).toMatchObject({ standby: offer(15n, 19n, 1) });
  });

  it('is followed by another one when the counter comes within half the distance', async () => {
    await send({ count: 1 });
    const holding = offered(10n, 14n, 1);
    expect(await send({ call: 2, kind: 'take', count: 4, holding })).toMatchObject({ standby: keep });
    expect(await send({ call: 3, kind: 'take', count: 1, holding })).toMatchObject({ standby: offer(15n, 19n, 3) });
  });

  it('stays the node’s until a later call says that it holds another one', async () => {
    await send({ count: 1 });
    await send({ call: 2, kind: 'take', holding: offered(10n, 14n, 1), usedInPart: true });
    expect(await redis.client.hget(STATE, 'ahead')).toBe('10:14:node-a@1 15:19:node-a@2');
    const released = [{ first: 10n, offeredIn: 1, used: 2n }];
    await send({ call: 3, kind: 'take', holding: offered(15n, 19n, 2), released });
    expect(await redis.client.hget(STATE, 'ahead')).toBe('10:11:- 15:19:node-a@2');
  });

  it('leaves the used values behind, so that counting jumps over just these', async () => {
    await send({ count: 1 });
    const released = [{ first: 10n, offeredIn: 1, used: 2n }];
    await send({ call: 2, kind: 'leave', count: 0, released });
    const b1 = await sendB({ count: 20, standbySize: 0 });
    expect(b1).toMatchObject({ range: range(2n, 9n) });
    expect(await sendB({ call: 2, kind: 'take', count: 12, standbySize: 0 })).toMatchObject({ range: range(12n, 23n) });
    expect(await gaps()).toEqual([]);
  });

  it('of a silent node is jumped and recorded, and out of the record when the node reports', async () => {
    await send({ count: 1 });
    expect(await sendB({ count: 20, standbySize: 0 })).toMatchObject({ range: range(2n, 9n) });
    expect(await sendB({ call: 2, kind: 'take', count: 5, standbySize: 0 })).toMatchObject({ range: range(15n, 19n) });
    expect(await gaps()).toEqual(['10-14 node-crash node-a@1']);
    const reply = await send({ call: 2, kind: 'take', count: 1, holding: offered(10n, 14n, 1) });
    expect(reply).toMatchObject({ range: range(20n, 20n), standby: { kind: 'offer' } });
    const released = [{ first: 10n, offeredIn: 1, used: 2n }];
    const next = reply?.kind === 'taken' && reply.standby.kind === 'offer' ? reply.standby.segment : undefined;
    expect(await send({ call: 3, kind: 'take', count: 9, holding: next, released })).toMatchObject({
      range: range(12n, 14n),
      returned: true,
    });
    expect(await gaps()).toEqual([]);
  });

  it('is taken back when the settings want none', async () => {
    await send({ count: 1 });
    const holding = offered(10n, 14n, 1);
    expect(await send({ call: 2, kind: 'take', standbySize: 0, holding })).toMatchObject({
      standby: { kind: 'recall' },
    });
  });

  it('is given up whole by a clean leave, even an offer that never arrived', async () => {
    await send({ count: 1 });
    await send({ call: 2, kind: 'leave', count: 0 });
    expect(await redis.client.hget(STATE, 'ahead')).toBe('');
    expect(await sendB({ count: 50, standbySize: 0 })).toMatchObject({ range: range(2n, 51n) });
  });

  it('of an earlier offer cannot be freed by a late report about its values', async () => {
    await send({ count: 1 });
    await send({
      call: 2,
      kind: 'take',
      count: 0,
      holding: offered(10n, 14n, 7),
      released: [{ first: 10n, offeredIn: 9, used: 0n }],
    });
    expect(await redis.client.hget(STATE, 'ahead')).toContain('10:14:node-a@1');
  });
});

describe('returned values', () => {
  it('are handed out first, lowest first, joined to one range', async () => {
    await send({ count: 9, standbySize: 0 });
    await send({ call: 2, kind: 'leave', count: 0, returned: [range(7n, 8n), range(3n, 4n), range(5n, 6n)] });
    expect(await redis.client.hget(STATE, 'free')).toBe('3:8');
    expect(await sendB({ count: 4 })).toMatchObject({ range: range(3n, 6n), returned: true });
    expect(await sendB({ call: 2, kind: 'take', count: 4 })).toMatchObject({ range: range(7n, 8n), returned: true });
    expect(await sendB({ call: 3, kind: 'take', count: 4 })).toMatchObject({ range: range(10n, 13n), returned: false });
  });
});

describe('an advance', () => {
  it('moves on and records what it passes', async () => {
    await send({ count: 5, standbySize: 0 });
    expect(await advance(20n)).toEqual({ kind: 'advanced', from: 5n, to: 20n });
    expect(await gaps()).toEqual(['6-20 advance -']);
    expect(await send({ call: 2, kind: 'take', standbySize: 0 })).toMatchObject({ range: range(21n, 21n) });
  });

  it('answers the same when it is repeated', async () => {
    await send({ count: 5 });
    const reply = await advance(20n);
    await sendB({});
    expect(await advance(20n)).toEqual(reply);
    expect(await advance(20n, 'another')).toEqual({ kind: 'behind', current: 21n });
  });

  it('refuses to go back or nowhere, and beyond the limit', async () => {
    await send({ count: 5 });
    const before = await snapshot();
    expect(await advance(5n)).toEqual({ kind: 'behind', current: 5n });
    expect(await advance(4n)).toEqual({ kind: 'behind', current: 5n });
    expect(await advance(101n, 'operation', 100n)).toMatchObject({ kind: 'exhausted' });
    expect(await snapshot()).toEqual(before);
  });

  it('passes standby segments and used values in its way, and goes to the end of the one it would split', async () => {
    await send({ count: 1 });
    await sendB({ count: 1 });
    await send({ call: 2, kind: 'leave', count: 0, released: [{ first: 10n, offeredIn: 1, used: 1n }] });
    expect(await advance(17n)).toEqual({ kind: 'advanced', from: 2n, to: 19n });
    expect(await gaps()).toEqual(['11-14 advance -', '15-19 node-crash node-b@1', '3-9 advance -']);
  });

  it('is never undone by values that come back from before it', async () => {
    await send({ count: 4 });
    await advance(50n);
    await send({ call: 2, kind: 'leave', count: 0, returned: [range(1n, 4n)] });
    expect(await sendB({})).toMatchObject({ range: range(51n, 51n) });
    expect(await gaps()).toContain('1-4 advance -');
  });

  it('is what a raised initialSeq, or a counter set forward by hand, amounts to', async () => {
    await send({ count: 5, standbySize: 0 });
    expect(await send({ call: 2, kind: 'take', initialSeq: 10n, standbySize: 0 })).toMatchObject({
      range: range(11n, 11n),
    });
    await redis.client.set('sequence:INV', '20');
    expect(await send({ call: 3, kind: 'take', standbySize: 0 })).toMatchObject({ range: range(21n, 21n) });
    expect(await gaps()).toEqual(['12-20 advance -', '6-10 advance -']);
  });

  it('reports an unusable sequence', async () => {
    await redis.client.set('sequence:INV', 'x');
    expect(await advance(9n)).toMatchObject({ kind: 'corrupt' });
  });
});

describe('nodes long gone', () => {
  const forgetful = RESERVE_SCRIPT.replace('NODES_MAX = 64', 'NODES_MAX = 6').replace(
    'KEEP_SECONDS = 600',
    'KEEP_SECONDS = -1',
  );

  it('are folded into the gap record; one that lives joins anew and goes on', async () => {
    const store = createRedisCounterStore(createReserveRunner(redis.client, forgetful));
    const exchange = async (parts: Partial<CounterCall>) => (await store.exchange([call(parts)]))[0];
    await exchange({ count: 2 });
    await exchange({ node: 'node-b' });
    await exchange({ node: 'node-b', call: 2, kind: 'leave', count: 0 });
    for (let i = 0; i < 8; i++) await exchange({ node: `node-${i}`, standbySize: 0 });
    expect(await redis.client.hlen(STATE)).toBeLessThan(12);
    expect(await gaps()).toContain('1-2 node-crash node-a');
    const holding = offered(19n, 23n, 1);
    expect(await exchange({ call: 2, kind: 'take', holding, seen: 2n })).toEqual({ kind: 'forgotten' });
    const lastRange = range(1n, 2n);
    const rejoined = await exchange({ call: 3, count: 0, holding, seen: 2n, lastRange });
    expect(rejoined).toMatchObject({ kind: 'nothing', standby: { kind: 'offer' } });
    expect((await gaps()).filter((gap) => gap.includes('node-a'))).toEqual(['19-23 node-crash node-a@1']);
    const next =
      rejoined?.kind === 'nothing' && rejoined.standby.kind === 'offer' ? rejoined.standby.segment : undefined;
    const released = [{ first: 19n, offeredIn: 1, used: 1n }];
    const reply = await exchange({ call: 4, kind: 'take', count: 2, holding: next, released, seen: 2n });
    expect(reply).toMatchObject({ range: range(20n, 21n), returned: true });
    expect((await gaps()).filter((gap) => gap.includes('node-a'))).toEqual([]);
  });
});

describe('a store that has forgotten', () => {
  it('hands out nothing from the old value, and goes on after what the node has seen', async () => {
    await send({ count: 9 });
    await redis.client.flushall();
    await sendB({ count: 1, standbySize: 0 });
    const holding = offered(82n, 86n, 1);
    expect(await send({ call: 2, kind: 'take', holding, seen: 9n })).toEqual({ kind: 'forgotten' });
    expect(await send({ call: 3, count: 0, holding, seen: 9n, lastRange: range(1n, 9n) })).toEqual({
      kind: 'nothing',
      standby: keep,
    });
    expect(await send({ call: 4, kind: 'take', holding, seen: 9n })).toMatchObject({ range: range(10n, 10n) });
    expect(await redis.client.hget(STATE, 'ahead')).toBe('82:86:node-a@1');
  });
});
