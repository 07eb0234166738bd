/** What `reserve.lua` does with calls: repeated, stale, corrupt, or of a node it has forgotten; and with its late report. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { RESERVE_SCRIPT } from '../support/reserve-script.ts';
import {
  call,
  GAPS,
  range,
  type SequenceUnderTest,
  STATE,
  segment,
  sequenceForTests,
  startSequenceUnderTest,
} from '../support/sequence-under-test.ts';

const sequence = sequenceForTests();

describe('a repeated call', () => {
  test('returns the same and changes nothing', async () => {
    const first = await sequence.send({ count: 3 });
    await sequence.sendB({});
    const before = await sequence.snapshot();
    expect(await sequence.send({ count: 3 })).toEqual(first);
    expect(await sequence.send({ count: 99, initialSeq: 500n })).toEqual(first);
    expect(await sequence.snapshot()).toEqual(before);
  });

  test('returns the same when it was exhausted, whatever has come back since', async () => {
    await sequence.send({ count: 4, limit: 4n, standbySize: 0 });
    const refused = await sequence.sendB({ count: 2, limit: 4n, standbySize: 0 });
    await sequence.send({ call: 2, kind: 'leave', count: 0, returned: [range(1n, 4n)] });
    expect(await sequence.sendB({ count: 2, limit: 4n, standbySize: 0 })).toEqual(refused);
  });

  test('is refused when it is older than the last one', async () => {
    await sequence.send({});
    await sequence.send({ call: 2, kind: 'take' });
    const before = await sequence.snapshot();
    expect(await sequence.send({})).toEqual({ kind: 'stale', lastCall: 2 });
    expect(await sequence.snapshot()).toEqual(before);
  });

  test('of a node that never joined is refused, whatever it asks for', async () => {
    await sequence.sendB({});
    const before = await sequence.snapshot();
    expect(await sequence.send({ call: 9, kind: 'take' })).toEqual({ kind: 'forgotten' });
    expect(await sequence.send({ call: 9, kind: 'leave', count: 0 })).toEqual({ kind: 'forgotten' });
    expect(await sequence.snapshot()).toEqual(before);
  });
});

describe('a corrupt entry', () => {
  const spoilt: readonly [string, () => Promise<unknown>][] = [
    [
      'a counter of another type',
      () => sequence.redis.client.multi().del('sequence:INV').rpush('sequence:INV', 'x').exec(),
    ],
    ['a counter that is no number', () => sequence.redis.client.set('sequence:INV', '12a')],
    ['a counter with a leading zero', () => sequence.redis.client.set('sequence:INV', '012')],
    ['a negative counter', () => sequence.redis.client.set('sequence:INV', '-1')],
    ['a counter above 2^64 - 1', () => sequence.redis.client.set('sequence:INV', '18446744073709551616')],
    ['a state of another type', () => sequence.redis.client.set(STATE, 'x')],
    ['an unreadable value in the state', () => sequence.redis.client.hset(STATE, 'value', 'x')],
    ['an unreadable floor', () => sequence.redis.client.hset(STATE, 'floor', 'x')],
    ['an unreadable fence', () => sequence.redis.client.hset(STATE, 'fence', 'x')],
    ['unreadable ahead ranges', () => sequence.redis.client.hset(STATE, 'ahead', '1:2:aa@1 what')],
    ['unreadable free ranges', () => sequence.redis.client.hset(STATE, 'free', '1-2')],
    ['an unreadable record of the node', () => sequence.redis.client.hset(STATE, 'n:node-a', 'x')],
  ];

  test.each(spoilt)('(%s) is refused alone, and changes nothing', async (_, spoil) => {
    await sequence.send({});
    const { epoch } = sequence.fence;
    await spoil();
    const dump = async () =>
      [await sequence.redis.client.dump('sequence:INV'), await sequence.redis.client.dump(STATE)].map(String);
    const before = await dump();
    const neighbours = ['A', 'B'].map((prefixKey) => call({ sequence: sequenceOf(seriesOf(prefixKey), '') }));
    const spoiltCall = call({ call: 2, kind: 'take', epoch });
    const replies = await sequence.store.reserve([...neighbours.slice(0, 1), spoiltCall, ...neighbours.slice(1)]);
    expect(replies.map(({ kind }) => kind)).toEqual(['taken', 'corrupt', 'taken']);
    expect(await dump()).toEqual(before);
  });

  test.each(['12a', '012', '-1', '18446744073709551616', ''])(
    '(a counter "%s" that an operator left) is reported as such, and left as it is',
    async (text) => {
      await sequence.redis.client.set('sequence:INV', text);
      expect(await sequence.send({})).toEqual({ kind: 'recovering' });
      expect(await sequence.report()).toMatchObject({ kind: 'corrupt' });
      expect(await sequence.snapshot()).toEqual([text, {}, {}]);
    },
  );

  test('(a gap record of another type) is refused before anything is written', async () => {
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
  const script = RESERVE_SCRIPT.replace('NODES_MAX = 64', 'NODES_MAX = 6').replace(
    'KEEP_SECONDS = 600',
    'KEEP_SECONDS = -1',
  );
  let forgetful: SequenceUnderTest;
  beforeAll(async () => {
    forgetful = await startSequenceUnderTest(script);
  });
  afterAll(() => forgetful.redis.stop());
  beforeEach(() => forgetful.redis.client.flushall());
  const records = async () =>
    (await forgetful.redis.client.hkeys(STATE)).filter((field) => field.startsWith('n:')).length;

  test('are folded into the gap record; one that lives reports late and goes on', async () => {
    const gapsOfA = async () => (await forgetful.gaps()).filter((gap) => gap.includes('node-a'));
    await forgetful.send({ count: 2 });
    await forgetful.send({ node: 'node-b' });
    await forgetful.send({ node: 'node-b', call: 2, kind: 'leave', count: 0 });
    for (let i = 0; i < 8; i++) await forgetful.send({ node: `node-${i}`, standbySize: 0 });
    expect(await records()).toBeLessThan(6);
    expect(await gapsOfA()).toEqual(['1-2 node-crash node-a', '19-23 node-crash node-a@1']);

    const holding = segment(19n, 23n, 1);
    expect(await forgetful.send({ call: 2, kind: 'take', holding, seen: 2n })).toEqual({ kind: 'forgotten' });
    const { epoch } = forgetful.fence;
    const late = { sworn: false, epoch, settled: 1, seen: 2n, holding, taken: [range(1n, 2n)] };
    expect(await forgetful.report(late)).toEqual({ kind: 'reported', fence: forgetful.fence });
    expect(await gapsOfA()).toEqual(['19-23 node-crash node-a@1']);

    const taken = await forgetful.send({ call: 2, kind: 'take', holding, seen: 2n, reissued: true });
    expect(taken).toMatchObject({ kind: 'taken', standby: { kind: 'offer' } });
    const next = taken.kind === 'taken' && taken.standby.kind === 'offer' ? taken.standby.segment : undefined;
    const released = [{ first: 19n, offeredIn: 1, used: 1n }];
    expect(await forgetful.send({ call: 3, kind: 'take', count: 2, holding: next, released })).toMatchObject({
      range: range(20n, 21n),
      returned: true,
    });
    expect(await gapsOfA()).toEqual([]);
  });

  test('are folded for nodes that report late, too', async () => {
    await forgetful.send({});
    const { epoch } = forgetful.fence;
    for (let i = 0; i < 8; i++) await forgetful.report({ node: `node-${i}`, sworn: false, epoch });
    expect(await records()).toBeLessThan(6);
  });
});

describe('a call that is said once more after a recovery', () => {
  test('gives back only what is still its node’s: the rest is missing', async () => {
    await sequence.send({ count: 4 });
    await sequence.sendB({ count: 1, standbySize: 0 });
    const reissued = { call: 2, kind: 'leave', count: 0, reissued: true } as const;
    const released = [{ first: 37n, offeredIn: 1, used: 2n }];
    await sequence.send({ ...reissued, released, returned: [range(3n, 4n)] });
    expect(await sequence.gaps()).toEqual(['3-4 recovery-jump node-a']);
    expect(await sequence.redis.client.hmget(STATE, 'ahead', 'free')).toEqual(['37:38:-', '']);
    expect(await sequence.sendB({ call: 2, kind: 'take', count: 2, standbySize: 0 })).toMatchObject({
      range: range(6n, 7n),
    });
  });
});

describe('a report of a node that is known', () => {
  test('changes nothing when the store knows more of it than the report says', async () => {
    await sequence.send({ count: 3 });
    const holding = segment(28n, 32n, 1);
    await sequence.send({ call: 2, kind: 'leave', count: 0, released: [{ ...holding, used: 0n }] });
    const before = await sequence.snapshot();
    const { epoch } = sequence.fence;
    const earlier = { sworn: false, epoch, settled: 1, pending: 0, seen: 3n, taken: [range(1n, 3n)], holding };
    expect(await sequence.report(earlier)).toMatchObject({ kind: 'reported', fence: { epoch } });
    expect(await sequence.snapshot()).toEqual(before);
  });
});
