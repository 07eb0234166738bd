/** What `reserve.lua` hands out: values in order, up to the limit, returned ones first. */
import { describe, expect, test } from 'vitest';
import { sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../src/core/values/value.ts';
import { call, keep, offer, range, STATE, segment, sequenceForTests } from '../support/sequence-under-test.ts';

const sequence = sequenceForTests();

describe('taking', () => {
  test('counts 1, 2, 3 across nodes', async () => {
    expect(await sequence.send({ count: 2 })).toMatchObject({ kind: 'taken', range: range(1n, 2n), returned: false });
    expect(await sequence.sendB({ count: 3 })).toMatchObject({ range: range(3n, 5n) });
    expect(await sequence.send({ call: 2, kind: 'take', holding: segment(19n, 23n, 1) })).toEqual({
      kind: 'taken',
      range: range(6n, 6n),
      returned: false,
      standby: keep,
    });
    expect(await sequence.redis.client.get('sequence:INV')).toBe('6');
  });

  test('serves many sequences in one call, each under keys of its own', async () => {
    const sequences = ['', '2026', '2027'].map((period) => sequenceOf(seriesOf('ORD'), period));
    const replies = await sequence.store.reserve(sequences.map((sequence, i) => call({ sequence, count: i + 1 })));
    expect(replies.map((reply) => reply.kind === 'taken' && reply.range.last)).toEqual([1n, 2n, 3n]);
    expect((await sequence.redis.client.keys('*')).sort()).toEqual([
      'sequence:ORD',
      '{sequence:ORD}:2026',
      '{sequence:ORD}:2026:state',
      '{sequence:ORD}:2027',
      '{sequence:ORD}:2027:state',
      '{sequence:ORD}:state',
    ]);
  });

  test('starts after initialSeq', async () => {
    expect(await sequence.send({ initialSeq: 1000n })).toMatchObject({ range: range(1001n, 1001n) });
    expect(await sequence.gaps()).toEqual([]);
  });

  test('goes on from a counter that an operator has preloaded', async () => {
    await sequence.preload(100n);
    expect(await sequence.send({})).toMatchObject({ range: range(101n, 101n) });
    expect(await sequence.gaps()).toEqual([]);
  });

  test('goes on when the counter was evicted or set back', async () => {
    await sequence.send({ count: 7 });
    await sequence.redis.client.del('sequence:INV');
    expect(await sequence.send({ call: 2, kind: 'take' })).toMatchObject({ range: range(8n, 8n) });
    await sequence.redis.client.set('sequence:INV', '3');
    expect(await sequence.send({ call: 3, kind: 'take' })).toMatchObject({ range: range(9n, 9n) });
    expect(await sequence.redis.client.get('sequence:INV')).toBe('9');
  });

  test('leaves no time to live on the counter', async () => {
    await sequence.preload(5n);
    await sequence.redis.client.expire('sequence:INV', 100);
    await sequence.send({});
    expect(await sequence.redis.client.ttl('sequence:INV')).toBe(-1);
  });

  test.each([10n ** 15n, 2n ** 53n, 2n ** 63n, 10n ** 19n])('is exact across %s', async (edge) => {
    await sequence.preload(edge - 2n);
    const first = await sequence.send({ count: 1 });
    expect(first).toMatchObject({ range: range(edge - 1n, edge - 1n) });
    expect(await sequence.send({ call: 2, kind: 'take', count: 3, standbySize: 0 })).toMatchObject({
      range: range(edge, edge + 2n),
    });
    expect(await sequence.redis.client.get('sequence:INV')).toBe(String(edge + 2n));
  });

  test('takes the very last value, and none after it', async () => {
    await sequence.preload(VALUE_MAX - 2n);
    expect(await sequence.send({ count: 2 })).toMatchObject({ range: range(VALUE_MAX - 1n, VALUE_MAX) });
    expect(await sequence.sendB({})).toMatchObject({ kind: 'exhausted', valuesLeft: 0n });
  });
});

describe('the limit', () => {
  test('refuses more than is left, says how much is, and takes nothing', async () => {
    await sequence.send({ count: 6, limit: 10n, standbySize: 0 });
    expect(await sequence.sendB({ count: 5, limit: 10n, standbySize: 0 })).toEqual({
      kind: 'exhausted',
      valuesLeft: 4n,
      standby: keep,
    });
    expect(await sequence.redis.client.get('sequence:INV')).toBe('6');
    expect(await sequence.sendB({ call: 2, kind: 'take', count: 4, limit: 10n, standbySize: 0 })).toMatchObject({
      range: range(7n, 10n),
    });
  });

  test('counts returned values as left, and standby segments as not', async () => {
    await sequence.send({ count: 4, limit: 40n });
    await sequence.send({ call: 2, kind: 'leave', count: 0, limit: 40n, returned: [range(1n, 4n)] });
    expect(await sequence.sendB({ count: 0, limit: 40n, standbySize: 5 })).toMatchObject({
      standby: offer(10n, 14n, 1),
    });
    expect(
      await sequence.sendB({ call: 2, kind: 'take', count: 36, limit: 40n, holding: segment(10n, 14n, 1) }),
    ).toEqual({
      kind: 'exhausted',
      valuesLeft: 35n,
      standby: { kind: 'recall' },
    });
  });

  test('makes standby segments smaller, to none at last', async () => {
    expect(await sequence.send({ count: 1, limit: 13n })).toMatchObject({ standby: offer(8n, 10n, 1) });
    expect(await sequence.sendB({ count: 1, limit: 13n })).toMatchObject({ standby: offer(11n, 12n, 1) });
    expect(await sequence.send({ call: 2, kind: 'leave', count: 0 })).toMatchObject({ kind: 'nothing' });
    const last = await sequence.send({ call: 3, kind: 'take', count: 5, limit: 13n, node: 'node-a' });
    expect(last).toMatchObject({ range: range(3n, 7n), standby: offer(13n, 13n, 3) });
    expect(
      await sequence.send({ call: 4, kind: 'take', count: 1, limit: 13n, holding: segment(13n, 13n, 3) }),
    ).toMatchObject({
      range: range(8n, 8n),
      standby: keep,
    });
  });
});

describe('returned values', () => {
  test('are handed out first, lowest first, joined to one range', async () => {
    await sequence.send({ count: 9, standbySize: 0 });
    await sequence.send({ call: 2, kind: 'leave', count: 0, returned: [range(7n, 8n), range(3n, 4n), range(5n, 6n)] });
    expect(await sequence.redis.client.hget(STATE, 'free')).toBe('3:8');
    expect(await sequence.sendB({ count: 4 })).toMatchObject({ range: range(3n, 6n), returned: true });
    expect(await sequence.sendB({ call: 2, kind: 'take', count: 4 })).toMatchObject({
      range: range(7n, 8n),
      returned: true,
    });
    expect(await sequence.sendB({ call: 3, kind: 'take', count: 4 })).toMatchObject({
      range: range(10n, 13n),
      returned: false,
    });
  });
});
