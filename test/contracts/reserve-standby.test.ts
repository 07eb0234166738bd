/** What `reserve.lua` does ahead of the counter: standby segments, and jumps over them. */
import { describe, expect, test } from 'vitest';
import { keep, offer, range, STATE, segment, sequenceForTests } from '../support/sequence-under-test.ts';

const sequence = sequenceForTests();

describe('the standby', () => {
  test('lies ahead at least by its own size, and by eight rounds of what all nodes take', async () => {
    expect(await sequence.send({ count: 1 })).toMatchObject({ standby: offer(10n, 14n, 1) });
    // Between the two lie eight values that will be handed out; node-a's segment on the way does not count.
    expect(await sequence.sendB({ count: 1 })).toMatchObject({ standby: offer(16n, 20n, 1) });
  });

  test('is followed by another one when the counter comes within half the distance', async () => {
    await sequence.send({ count: 1 });
    const holding = segment(10n, 14n, 1);
    expect(await sequence.send({ call: 2, kind: 'take', count: 4, holding })).toMatchObject({ standby: keep });
    expect(await sequence.send({ call: 3, kind: 'take', count: 1, holding })).toMatchObject({
      standby: offer(20n, 24n, 3),
    });
  });

  test('stays the node’s until a later call says that it holds another one', async () => {
    await sequence.send({ count: 1 });
    await sequence.send({ call: 2, kind: 'take', holding: segment(10n, 14n, 1), usedInPart: true });
    expect(await sequence.redis.client.hget(STATE, 'ahead')).toBe('10:14:node-a@1 16:20:node-a@2');
    const released = [{ first: 10n, offeredIn: 1, used: 2n }];
    await sequence.send({ call: 3, kind: 'take', holding: segment(16n, 20n, 2), released });
    expect(await sequence.redis.client.hget(STATE, 'ahead')).toBe('10:11:- 16:20:node-a@2');
  });

  test('leaves the used values behind, so that counting jumps over just these', async () => {
    await sequence.send({ count: 1 });
    const released = [{ first: 10n, offeredIn: 1, used: 2n }];
    await sequence.send({ call: 2, kind: 'leave', count: 0, released });
    const b1 = await sequence.sendB({ count: 20, standbySize: 0 });
    expect(b1).toMatchObject({ range: range(2n, 9n) });
    expect(await sequence.sendB({ call: 2, kind: 'take', count: 12, standbySize: 0 })).toMatchObject({
      range: range(12n, 23n),
    });
    expect(await sequence.gaps()).toEqual([]);
  });

  test('of a silent node is jumped and recorded, and out of the record when the node reports', async () => {
    await sequence.send({ count: 1 });
    expect(await sequence.sendB({ count: 20, standbySize: 0 })).toMatchObject({ range: range(2n, 9n) });
    expect(await sequence.sendB({ call: 2, kind: 'take', count: 5, standbySize: 0 })).toMatchObject({
      range: range(15n, 19n),
    });
    expect(await sequence.gaps()).toEqual(['10-14 node-crash node-a@1']);
    const reply = await sequence.send({ call: 2, kind: 'take', count: 1, holding: segment(10n, 14n, 1) });
    expect(reply).toMatchObject({ range: range(20n, 20n), standby: { kind: 'offer' } });
    const released = [{ first: 10n, offeredIn: 1, used: 2n }];
    const next = reply?.kind === 'taken' && reply.standby.kind === 'offer' ? reply.standby.segment : undefined;
    expect(await sequence.send({ call: 3, kind: 'take', count: 9, holding: next, released })).toMatchObject({
      range: range(12n, 14n),
      returned: true,
    });
    expect(await sequence.gaps()).toEqual([]);
  });

  test('is taken back when the settings want none', async () => {
    await sequence.send({ count: 1 });
    const holding = segment(10n, 14n, 1);
    expect(await sequence.send({ call: 2, kind: 'take', standbySize: 0, holding })).toMatchObject({
      standby: { kind: 'recall' },
    });
  });

  test('is given up whole by a clean leave, even an offer that never arrived', async () => {
    await sequence.send({ count: 1 });
    await sequence.send({ call: 2, kind: 'leave', count: 0 });
    expect(await sequence.redis.client.hget(STATE, 'ahead')).toBe('');
    expect(await sequence.sendB({ count: 50, standbySize: 0 })).toMatchObject({ range: range(2n, 51n) });
  });

  test('of an earlier offer cannot be freed by a late report about its values', async () => {
    await sequence.send({ count: 1 });
    await sequence.send({
      call: 2,
      kind: 'take',
      count: 0,
      holding: segment(10n, 14n, 7),
      released: [{ first: 10n, offeredIn: 9, used: 0n }],
    });
    expect(await sequence.redis.client.hget(STATE, 'ahead')).toContain('10:14:node-a@1');
  });
});

describe('an advance', () => {
  test('moves on and records what it passes', async () => {
    await sequence.send({ count: 5, standbySize: 0 });
    expect(await sequence.advance(20n)).toEqual({ kind: 'advanced', from: 5n, to: 20n });
    expect(await sequence.gaps()).toEqual(['6-20 advance -']);
    expect(await sequence.send({ call: 2, kind: 'take', standbySize: 0 })).toMatchObject({ range: range(21n, 21n) });
  });

  test('answers the same when it is repeated', async () => {
    await sequence.send({ count: 5 });
    const reply = await sequence.advance(20n);
    await sequence.sendB({});
    expect(await sequence.advance(20n)).toEqual(reply);
    expect(await sequence.advance(20n, 'another')).toEqual({ kind: 'behind', current: 21n });
  });

  test('refuses to go back or nowhere, and beyond the limit', async () => {
    await sequence.send({ count: 5 });
    const before = await sequence.snapshot();
    expect(await sequence.advance(5n)).toEqual({ kind: 'behind', current: 5n });
    expect(await sequence.advance(4n)).toEqual({ kind: 'behind', current: 5n });
    expect(await sequence.advance(101n, 'operation', 100n)).toMatchObject({ kind: 'exhausted' });
    expect(await sequence.snapshot()).toEqual(before);
  });

  test('passes standby segments and used values in its way, and goes to the end of the one it would split', async () => {
    await sequence.send({ count: 1 });
    await sequence.sendB({ count: 1 });
    await sequence.send({ call: 2, kind: 'leave', count: 0, released: [{ first: 10n, offeredIn: 1, used: 1n }] });
    expect(await sequence.advance(17n)).toEqual({ kind: 'advanced', from: 2n, to: 20n });
    expect(await sequence.gaps()).toEqual(['11-15 advance -', '16-20 node-crash node-b@1', '3-9 advance -']);
  });

  test('is never undone by values that come back from before it', async () => {
    await sequence.send({ count: 4 });
    await sequence.advance(50n);
    await sequence.send({ call: 2, kind: 'leave', count: 0, returned: [range(1n, 4n)] });
    expect(await sequence.sendB({})).toMatchObject({ range: range(51n, 51n) });
    expect(await sequence.gaps()).toContain('1-4 advance -');
  });

  test('is what a raised initialSeq, or a counter set forward by hand, amounts to', async () => {
    await sequence.send({ count: 5, standbySize: 0 });
    expect(await sequence.send({ call: 2, kind: 'take', initialSeq: 10n, standbySize: 0 })).toMatchObject({
      range: range(11n, 11n),
    });
    await sequence.redis.client.set('sequence:INV', '20');
    expect(await sequence.send({ call: 3, kind: 'take', standbySize: 0 })).toMatchObject({ range: range(21n, 21n) });
    expect(await sequence.gaps()).toEqual(['12-20 advance -', '6-10 advance -']);
  });

  test('reports an unusable sequence', async () => {
    await sequence.send({});
    await sequence.redis.client.set('sequence:INV', 'x');
    expect(await sequence.advance(9n)).toMatchObject({ kind: 'corrupt' });
  });
});
