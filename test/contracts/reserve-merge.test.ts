/** What a recovery of `reserve.lua` makes of a state that knows less than the nodes: each sort of value by itself. */
import { describe, expect, test } from 'vitest';
import { GAPS, offer, range, STATE, segment, sequenceForTests } from '../support/sequence-under-test.ts';

const sequence = sequenceForTests();

const take = { kind: 'take', standbySize: 0 } as const;
const ahead = () => sequence.redis.client.hget(STATE, 'ahead');
/** What `node-a` was given by a first call of count 3. */
const first = { settled: 1, seen: 3n, taken: [range(1n, 3n)] };
const holding = segment(28n, 32n, 1);

describe('a standby', () => {
  test('of a node the state never heard of stays that node’s', async () => {
    await sequence.send({ count: 3, standbySize: 0 });
    const putBack = await sequence.remember();
    expect(await sequence.sendB({ count: 0 })).toMatchObject({ standby: offer(9n, 13n, 1) });
    await putBack();
    await sequence.report(first);
    await sequence.report({ node: 'node-b', settled: 1, holding: segment(9n, 13n, 1) });
    await sequence.install();
    expect(await ahead()).toBe('9:13:node-b@1');
    expect(await sequence.gaps()).toEqual([]);
  });

  test('that was used in part, and that only its node knows of, is not handed out', async () => {
    await sequence.send({ count: 3 });
    const putBack = await sequence.remember();
    await sequence.send({ call: 2, kind: 'leave', count: 0, released: [{ ...holding, used: 2n }] });
    await putBack();
    await sequence.report({ ...first, settled: 2, taken: [range(1n, 3n), range(28n, 29n)] });
    await sequence.install();
    expect(await ahead()).toBe('28:29:-');
    expect(await sequence.sendB({ count: 24, standbySize: 0 })).toMatchObject({ range: range(4n, 27n) });
    expect(await sequence.sendB({ ...take, call: 2 })).toMatchObject({ range: range(30n, 30n) });
  });

  test('that its node has given up for another one is free again, but for what was issued of it', async () => {
    await sequence.send({ count: 3 });
    await sequence.send({ call: 2, kind: 'take', count: 20, holding, usedInPart: true, seen: 3n });
    const next = ((await ahead()) ?? '').split(' ').at(-1) ?? '';
    const [from = '', to = ''] = next.split(':');
    const putBack = await sequence.remember();
    await sequence.sendB({ standbySize: 0 });
    await putBack();
    const given = [range(1n, 3n), range(4n, 23n), range(28n, 29n)];
    const held = segment(BigInt(from), BigInt(to), 2);
    await sequence.report({ settled: 2, seen: 23n, holding: held, taken: given });
    await sequence.report({ node: 'node-b', settled: 1, seen: 24n, taken: [range(24n, 24n)] });
    await sequence.install();
    expect(await ahead()).toBe(`28:29:- ${next}`);
  });
});

describe('a standby of a node that has not reported', () => {
  test('gives way to the one that another node holds', async () => {
    await sequence.send({ node: 'node-c' });
    const putBack = await sequence.remember();
    await sequence.send({ node: 'node-c', call: 2, kind: 'leave', count: 0 });
    expect(await sequence.send({})).toMatchObject({ range: range(2n, 2n), standby: offer(11n, 15n, 1) });
    await putBack();
    expect(await ahead()).toBe('10:14:node-c@1');
    await sequence.report({ settled: 1, seen: 2n, taken: [range(2n, 2n)], holding: segment(11n, 15n, 1) });
    await sequence.install();
    expect(await ahead()).toBe('10:10:node-c@1 11:15:node-a@1');
  });

  test('gives way to what another node was given', async () => {
    await sequence.send({ node: 'node-c' });
    const putBack = await sequence.remember();
    await sequence.send({ node: 'node-c', call: 2, kind: 'leave', count: 0 });
    await sequence.send({ count: 11, standbySize: 0 });
    await putBack();
    await sequence.report({ settled: 1, seen: 12n, taken: [range(2n, 12n)] });
    await sequence.install();
    expect(await ahead()).toBe('13:14:node-c@1');
    expect(await sequence.gaps()).toEqual(['1-1 recovery-jump node-c']);
  });
});

describe('a standby that its node has used in part', () => {
  test.each(Array.from({ length: 13 }, (_, others) => others))(
    'is recorded whole when it is passed over, though some of it was what the node was given last, beside %i other nodes',
    async (others) => {
      await sequence.send({ count: 3 });
      // It is offered another one, and the call that gives the first one up is not served.
      const returned = [range(3n, 3n)];
      await sequence.send({ call: 2, kind: 'take', count: 0, holding, usedInPart: true, seen: 3n, returned });
      expect(await ahead()).toBe('9:13:node-a@2 28:32:node-a@1');
      await sequence.replaceServer();
      const taken = [range(1n, 2n), range(28n, 29n)];
      await sequence.report({ settled: 2, pending: 3, seen: 3n, holding: segment(9n, 13n, 2), taken });
      await sequence.install();
      // How many entries there are decides where sorting puts two with the same first value, of which only one is kept.
      for (let i = 0; i < others; i += 1) await sequence.sendB({ node: `node-x${i}`, standbySize: 0 });
      await sequence.sendB({ standbySize: 0 });
      await sequence.replaceServer();
      await sequence.report({ node: 'node-b', settled: 1, seen: 3n, taken: [range(3n, 3n)] });
      await sequence.install({ jumpTo: 140n });
      expect(await sequence.gaps()).toContain('28-32 node-crash node-a@1');
    },
  );
});

describe('a value that was given back', () => {
  test('is missing afterwards, unless a node says that it was given to it', async () => {
    await sequence.send({ count: 3, standbySize: 0 });
    await sequence.sendB({ count: 2, standbySize: 0 });
    await sequence.sendB({ call: 2, kind: 'leave', count: 0, returned: [range(4n, 5n)] });
    const putBack = await sequence.remember();
    await sequence.send({ ...take, node: 'node-c', kind: 'join' });
    await putBack();
    await sequence.report(first);
    await sequence.report({ node: 'node-c', settled: 1, taken: [range(4n, 4n)] });
    await sequence.install();
    expect(await sequence.gaps()).toEqual(['5-5 recovery-jump -']);
    expect(await sequence.send({ ...take, call: 2, count: 9 })).toMatchObject({ range: range(6n, 14n) });
  });

  test('is named once more when its call is repeated after the recovery: it stays missing', async () => {
    await sequence.send({ count: 2, standbySize: 0 });
    await sequence.sendB({ standbySize: 0 });
    await sequence.replaceServer();
    await sequence.report({ node: 'node-b', settled: 1, seen: 3n, taken: [range(3n, 3n)] });
    await sequence.install({ jumpTo: 10n });
    expect(await sequence.gaps()).toEqual(['1-2 recovery-jump node-a', '4-10 recovery-jump -']);
    // It was given 4-6 as well, which the state has lost, and has given 5-6 back.
    const taken = [range(1n, 2n), range(4n, 4n)];
    await sequence.report({ sworn: false, epoch: sequence.fence.epoch - 1n, settled: 2, seen: 6n, taken });
    const again = { ...take, call: 3, reissued: true, returned: [range(5n, 6n)] };
    expect(await sequence.send(again)).toMatchObject({ range: range(11n, 11n) });
    expect(await sequence.gaps()).toEqual(['5-6 recovery-jump node-a', '7-10 recovery-jump -']);
  });

  test('of a standby that was jumped stays missing when it is named once more after a recovery', async () => {
    await sequence.send({ count: 3 });
    await sequence.sendB({ count: 24, standbySize: 0 });
    await sequence.sendB({ ...take, call: 2 });
    expect(await sequence.gaps()).toEqual(['28-32 node-crash node-a@1']);
    await sequence.send({ ...take, call: 2, count: 0, reissued: true, released: [{ ...holding, used: 1n }] });
    expect(await sequence.gaps()).toEqual(['28-32 node-crash node-a@1']);
    expect(await sequence.sendB({ ...take, call: 3 })).toMatchObject({ returned: false });
  });
});

describe('a call of the same number that brought something else on another server', () => {
  test.each([
    ['was settled there', 2, -1n, [range(1n, 3n), range(4n, 5n)], ['6-7 recovery-jump node-a']],
    [
      'was not settled, but the one before it was settled later there',
      1,
      1n,
      [range(1n, 3n)],
      ['4-7 recovery-jump node-a'],
    ],
  ])('%s: what the state says of it is missing', async (_title, settled, later, taken, gaps) => {
    await sequence.send({ count: 3, standbySize: 0 });
    await sequence.send({ ...take, call: 2, count: 4, seen: 3n });
    await sequence.replaceServer();
    const { epoch } = sequence.fence;
    await sequence.report({ settled, settledEpoch: epoch + later, epoch: epoch + 2n, seen: 3n, taken });
    await sequence.install();
    expect(await sequence.gaps()).toEqual(gaps);
    expect(await sequence.sendB({ standbySize: 0 })).toMatchObject({ range: range(8n, 8n) });
  });
});

describe('a call whose answer was lost', () => {
  test('is answered the same after a recovery of a state that knows it', async () => {
    await sequence.send({ count: 3, standbySize: 0 });
    await sequence.send({ ...take, call: 2, count: 4, seen: 3n });
    await sequence.replaceServer();
    await sequence.report(first);
    await sequence.install();
    const { epoch } = sequence.fence;
    expect(await sequence.send({ ...take, call: 2, count: 4, seen: 3n, epoch, reissued: true })).toMatchObject({
      range: range(4n, 7n),
    });
    expect(await sequence.gaps()).toEqual([]);
  });

  test('is answered the same after a recovery without its node; what it brought is missing until the next call', async () => {
    await sequence.send({ count: 3, standbySize: 0 });
    await sequence.replaceServer();
    await sequence.report({ node: 'node-b' });
    await sequence.install({ jumpTo: 5n });
    expect(await sequence.gaps()).toEqual(['1-3 recovery-jump node-a', '4-5 recovery-jump -']);
    await sequence.report({ sworn: false, epoch: sequence.fence.epoch - 1n });
    const { epoch } = sequence.fence;
    expect(await sequence.send({ count: 3, standbySize: 0, epoch, reissued: true })).toMatchObject({
      range: range(1n, 3n),
    });
    expect(await sequence.gaps()).toContain('1-3 recovery-jump node-a');
    await sequence.send({ ...take, call: 2, seen: 3n });
    expect(await sequence.gaps()).toEqual(['4-5 recovery-jump -']);
  });
});

describe('a late report of a node that waits for the outcome of a call', () => {
  /** `node-a` was given 1-3, and `count` more in call 2; then a recovery goes on without it. @returns its epoch. */
  const goOnWithout = async (count: number, jumpTo: bigint): Promise<bigint> => {
    await sequence.send({ count: 3, standbySize: 0 });
    await sequence.send({ ...take, call: 2, count, seen: 3n });
    await sequence.replaceServer();
    const { epoch } = sequence.fence;
    await sequence.report({ node: 'node-b' });
    await sequence.install({ jumpTo });
    return epoch;
  };

  test('takes what it was given out of the gap record, though the state knows of that call already', async () => {
    await goOnWithout(0, 5n);
    expect(await sequence.gaps()).toEqual(['1-3 recovery-jump node-a', '4-5 recovery-jump -']);
    await sequence.report({ ...first, sworn: false, epoch: sequence.fence.epoch - 1n });
    expect(await sequence.gaps()).toEqual(['4-5 recovery-jump -']);
  });

  test('leaves what that call brought in doubt until the next one gives it back: it stands in one list', async () => {
    const epoch = await goOnWithout(2, 9n);
    expect(await sequence.gaps()).toEqual(['4-5 recovery-jump node-a', '6-9 recovery-jump -']);
    await sequence.report({ ...first, sworn: false, epoch, settledEpoch: epoch });
    const again = { ...take, call: 2, count: 2, seen: 3n, reissued: true } as const;
    expect(await sequence.send(again)).toMatchObject({ range: range(4n, 5n) });
    await sequence.send({ ...take, call: 3, count: 0, seen: 5n, returned: [range(4n, 5n)] });
    expect(await sequence.gaps()).toEqual(['6-9 recovery-jump -']);
    expect(await sequence.redis.client.hget(STATE, 'free')).toBe('4:5');
  });
});

describe('a node that begins anew after a recovery that went on without it', () => {
  test('does not take its earlier last range out of the gap record: it may have given it back since', async () => {
    await sequence.send({ count: 3, standbySize: 0 });
    const putBack = await sequence.remember();
    await sequence.send({ ...take, kind: 'leave', call: 2, count: 0, seen: 3n, returned: [range(1n, 3n)] });
    await putBack();
    await sequence.report({ node: 'node-b' });
    await sequence.install({ jumpTo: 5n });
    expect(await sequence.gaps()).toEqual(['1-3 recovery-jump node-a', '4-5 recovery-jump -']);
    expect(await sequence.send({ call: 7, standbySize: 0 })).toMatchObject({ range: range(6n, 6n) });
    expect(await sequence.gaps()).toEqual(['1-3 recovery-jump node-a', '4-5 recovery-jump -']);
  });
});

describe('what a node was given last', () => {
  const kept = { window: 0, standbySize: 0 };
  const begin = async (): Promise<void> => {
    await sequence.report({ node: 'node-z', epoch: 1n, window: 0 });
    await sequence.install({ epoch: 1n, ceiling: 100n, window: 0 });
    await sequence.send({ ...kept, count: 3 });
    await sequence.replaceServer();
  };

  test('is vouched for by a node that has it, and has counted nowhere else since', async () => {
    await begin();
    await sequence.report({ ...first, epoch: 2n, window: 0 });
    await sequence.install({ epoch: 2n, ceiling: 100n, window: 0 });
    expect(await sequence.gaps()).toEqual([]);
  });

  test('is missing when the node may have gone on elsewhere: it has not sworn off the epochs below the new one', async () => {
    await begin();
    // It was about to give 1-3 back, and may have done so to another server by now.
    await sequence.report({ settled: 1, seen: 3n, taken: [], epoch: 2n, window: 0 });
    await sequence.install({ epoch: 4n, ceiling: 100n, jumpTo: 5n, window: 0 });
    expect(await sequence.gaps()).toEqual(['1-3 recovery-jump node-a', '4-5 recovery-jump -']);
    await sequence.report({ ...first, epoch: 4n, sworn: false, window: 0 });
    expect(await sequence.gaps()).toEqual(['4-5 recovery-jump -']);
  });

  test('is missing when the node has not read the reply, and another server may have handed it out again since', async () => {
    await sequence.report({ node: 'node-z', epoch: 1n, window: 0 });
    await sequence.install({ epoch: 1n, ceiling: 100n, window: 0 });
    await sequence.send({ ...kept, count: 3 });
    await sequence.send({ ...kept, kind: 'take', call: 2, count: 4, seen: 3n });
    await sequence.replaceServer();
    // Epoch 2 was another server's.
    await sequence.report({ ...first, epoch: 3n, window: 0 });
    await sequence.install({ epoch: 3n, ceiling: 100n, window: 0 });
    expect(await sequence.gaps()).toEqual(['4-7 recovery-jump node-a']);
    const again = { ...kept, kind: 'take', call: 2, count: 4, seen: 3n, reissued: true } as const;
    expect(await sequence.send(again)).toMatchObject({ range: range(8n, 11n) });
  });

  test('is missing when the node has not read the reply, and another node says that it was given some of it', async () => {
    await sequence.send({ count: 3, standbySize: 0 });
    await sequence.send({ ...take, call: 2, count: 4, seen: 3n });
    await sequence.replaceServer();
    await sequence.report(first);
    await sequence.report({ node: 'node-b', settled: 1, seen: 5n, taken: [range(5n, 5n)] });
    await sequence.install();
    expect(await sequence.gaps()).toEqual(['4-4 recovery-jump node-a', '6-7 recovery-jump node-a']);
    const again = { ...take, call: 2, count: 4, seen: 3n, reissued: true } as const;
    expect(await sequence.send(again)).toMatchObject({ range: range(8n, 11n) });
  });

  test('is missing no more once an exact recovery hears of it from a node that an earlier one went on without', async () => {
    await begin();
    await sequence.report({ node: 'node-b', epoch: 2n, window: 0 });
    await sequence.install({ epoch: 2n, ceiling: 100n, jumpTo: 5n, window: 0 });
    expect(await sequence.gaps()).toEqual(['1-3 recovery-jump node-a', '4-5 recovery-jump -']);
    await sequence.replaceServer();
    await sequence.report({ ...first, settledEpoch: 1n, epoch: 3n, window: 0 });
    await sequence.install({ epoch: 3n, ceiling: 100n, window: 0 });
    expect(await sequence.gaps()).toEqual(['4-5 recovery-jump -']);
    // What it gives back then stands in one list.
    await sequence.send({ ...kept, kind: 'take', call: 2, count: 0, seen: 3n, returned: [range(2n, 3n)] });
    expect(await sequence.redis.client.hget(STATE, 'free')).toBe('2:3');
    expect(await sequence.gaps()).toEqual(['4-5 recovery-jump -']);
  });

  test('is missing when it was given back to a state that is lost, whatever a receipt has brought since', async () => {
    await sequence.send({ count: 3, standbySize: 0 });
    await sequence.replaceServer();
    const last = range(1n, 3n);
    // It has settled that call on another server, so that its report takes the place of the record; 4-5 came with a receipt.
    await sequence.report({ settled: 1, settledEpoch: 9n, seen: 5n, last, taken: [last, range(4n, 5n)] });
    await sequence.install();
    const putBack = await sequence.remember();
    await sequence.send({ ...take, call: 2, count: 0, seen: 5n, returned: [range(2n, 2n)] });
    expect(await sequence.gaps()).toEqual([]);
    await putBack();
    const taken = [range(1n, 1n), range(3n, 5n)];
    await sequence.report({ settled: 2, seen: 5n, last: undefined, taken });
    await sequence.install();
    expect(await sequence.gaps()).toEqual(['2-2 recovery-jump node-a']);
  });

  test('is missing when the node has left since and begun anew: it does not know of it', async () => {
    await begin();
    await sequence.report({ settled: 0, pending: 0, epoch: 2n, window: 0 });
    await sequence.install({ epoch: 2n, ceiling: 100n, window: 0 });
    expect(await sequence.gaps()).toEqual(['1-3 recovery-jump node-a']);
  });
});

describe('where others keep an account', () => {
  const kept = { window: 0, standbySize: 0 };
  const settled = { settled: 1, seen: 3n, taken: [range(1n, 3n)], window: 0 };
  const start = async (): Promise<void> => {
    await sequence.report({ node: 'node-z', epoch: 1n, window: 0 });
    expect(await sequence.install({ epoch: 1n, ceiling: 100n, window: 0 })).toBe(true);
    await sequence.send({ ...kept, count: 3 });
  };

  test('what a call brought whose answer was lost is no gap when the account takes the place of a lost gap record', async () => {
    await start();
    await sequence.advance(9n);
    const account = await sequence.account();
    await sequence.send({ ...kept, ...take, call: 2, count: 4, seen: 3n });
    await sequence.redis.client.del(GAPS);
    await sequence.replaceServer();
    await sequence.report(settled);
    await sequence.install({ epoch: 2n, ceiling: 200n, base: 9n, jumpTo: 50n, account, window: 0 });
    const { epoch } = sequence.fence;
    const again = { ...kept, ...take, call: 2, count: 4, seen: 3n, epoch, reissued: true };
    expect(await sequence.send(again)).toMatchObject({ range: range(10n, 13n) });
    expect(await sequence.gaps()).toEqual(['14-50 recovery-jump -', '4-9 advance -']);
  });

  test.each([
    ['stays one when nobody else can have counted since', 2n, '4-9 advance -'],
    ['is doubted when another server may have counted since', 3n, '4-9 recovery-jump -'],
  ])('an advance of a server that jumps %s', async (_title, epoch, gap) => {
    await start();
    const account = await sequence.account();
    await sequence.advance(9n);
    await sequence.replaceServer();
    await sequence.report({ ...settled, epoch });
    await sequence.install({ epoch, ceiling: 200n, jumpTo: 50n, account, window: 0 });
    expect(await sequence.gaps()).toEqual(['10-50 recovery-jump -', gap]);
  });

  test('an advance that the account knows stays one, whoever counted since', async () => {
    await start();
    await sequence.advance(9n);
    const account = await sequence.account();
    await sequence.replaceServer();
    await sequence.report({ ...settled, epoch: 3n });
    await sequence.install({ epoch: 3n, ceiling: 200n, jumpTo: 50n, account, window: 0 });
    expect(await sequence.gaps()).toEqual(['10-50 recovery-jump -', '4-9 advance -']);
  });

  test('what a node has in hand stays known when a copy of its report comes after the recovery', async () => {
    await start();
    await sequence.send({ ...kept, ...take, call: 2, count: 4, seen: 3n });
    await sequence.replaceServer();
    // Of 4-7 it gives 6-7 back, in a call that is not served yet.
    const before = sequence.fence.epoch;
    const report = {
      settled: 2,
      seen: 7n,
      taken: [range(1n, 5n)],
      settledEpoch: before,
      epoch: before + 1n,
      window: 0,
    };
    await sequence.report(report);
    await sequence.install({ epoch: 2n, ceiling: 200n, base: 7n, window: 0 });
    expect(await sequence.report(report)).toMatchObject({ kind: 'reported' });
    const account = await sequence.account();
    expect(account?.gaps.map((gap) => gap.range)).toContainEqual(range(4n, 7n));
  });
});

describe('counting goes on', () => {
  test('above the base, which others have kept, and never again with what comes back from below it', async () => {
    await sequence.send({ count: 3, standbySize: 0 });
    await sequence.replaceServer();
    await sequence.report(first);
    await sequence.install({ base: 20n });
    expect(await sequence.gaps()).toEqual(['4-20 recovery-jump -']);
    expect(await sequence.send({ ...take, call: 2, returned: [range(3n, 3n)] })).toMatchObject({
      range: range(21n, 21n),
    });
    expect(await sequence.gaps()).toEqual(['3-3 recovery-jump -', '4-20 recovery-jump -']);
  });

  test('above what a late report names', async () => {
    await sequence.send({ count: 3, standbySize: 0 });
    const late = { node: 'node-b', sworn: false, epoch: sequence.fence.epoch - 1n, settled: 4, seen: 9n };
    expect(await sequence.report({ ...late, taken: [range(8n, 9n)] })).toMatchObject({ kind: 'reported' });
    expect(await sequence.gaps()).toEqual(['4-7 recovery-jump -']);
    expect(await sequence.send({ ...take, call: 2, seen: 3n })).toMatchObject({ range: range(10n, 10n) });
  });
});
