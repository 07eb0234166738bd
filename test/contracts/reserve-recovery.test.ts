/** The recovery of `reserve.lua`: what the nodes report is put together, and no value is handed out twice. */
import { describe, expect, test } from 'vitest';
import type { CounterReport } from '../../src/core/counter/counter-fence.ts';
import type { Range } from '../../src/core/values/range.ts';
import { VALUE_MAX } from '../../src/core/values/value.ts';
import { INV, offer, range, STATE, segment, sequenceForTests } from '../support/sequence-under-test.ts';

const sequence = sequenceForTests();

describe.each([
  ['that begins with 1', 0n],
  ['across 2^53', 2n ** 53n - 20n],
  ['near 2^64 - 1', VALUE_MAX - 20_000n],
])('in a sequence %s', (_title, origin) => {
  const at = (first: bigint, last = first): Range => range(origin + first, origin + last);
  const terms = { initialSeq: origin, window: 100 };
  const take = { ...terms, kind: 'take' } as const;
  const gaps = async (): Promise<readonly string[]> =>
    (await sequence.store.listGaps(INV, 0n, 99)).map(
      ({ range: { first, last }, reason, node = '-' }) => `${first - origin}-${last - origin} ${reason} ${node}`,
    );
  /** `node-a` as `fallBack` leaves it, and `node-b`, which the state has never heard of. */
  const holding = segment(origin + 28n, origin + 32n, 1);
  const fromA: Partial<CounterReport> = {
    ...terms,
    settled: 3,
    seen: origin + 10n,
    holding,
    taken: [at(1n, 5n), at(10n)],
  };
  const fromB: Partial<CounterReport> = {
    ...terms,
    node: 'node-b',
    settled: 1,
    seen: origin + 9n,
    taken: [at(6n, 9n)],
  };

  /** The server has lost all after 3: 4-5 and 10 of `node-a`, 6-9 of `node-b`. The ceiling is 132. */
  const fallBack = async (): Promise<void> => {
    expect(await sequence.send({ ...terms, count: 3 })).toMatchObject({
      range: at(1n, 3n),
      standby: offer(holding.first, holding.last, 1),
    });
    const putBack = await sequence.remember();
    await sequence.send({ ...take, call: 2, count: 2, holding, seen: origin + 3n });
    await sequence.sendB({ ...terms, count: 4, standbySize: 0 });
    await sequence.send({ ...take, call: 3, holding, seen: origin + 5n });
    await putBack();
  };

  test('an exact recovery puts the reports together: counting goes on after the highest value, and nothing is missing', async () => {
    await fallBack();
    expect(await sequence.send({ ...take, call: 4, holding, seen: origin + 10n })).toEqual({ kind: 'recovering' });
    const { epoch } = sequence.fence;
    expect(await sequence.report(fromA)).toMatchObject({
      kind: 'waiting',
      epoch,
      ceiling: origin + 132n,
      highest: origin + 32n,
      reported: ['node-a'],
      missing: [],
    });
    await sequence.report(fromB);
    expect(await sequence.install({ ...terms, ceiling: origin + 200n })).toBe(true);
    expect(sequence.fence.epoch).toBeGreaterThan(epoch);
    expect(sequence.fence.ceiling).toBe(origin + 200n);
    expect(await gaps()).toEqual([]);
    expect(await sequence.send({ ...take, call: 4, holding, seen: origin + 10n })).toMatchObject({ range: at(11n) });
    expect(await sequence.redis.client.hget(STATE, 'ahead')).toBe(`${holding.first}:${holding.last}:node-a@1`);
    expect(await sequence.sendB({ ...take, call: 2, count: 40, seen: origin + 9n })).toMatchObject({
      range: at(12n, 27n),
    });
  });

  test('values that were issued ahead are never handed out again', async () => {
    await fallBack();
    await sequence.report({ ...fromA, holding: undefined, taken: [at(1n, 5n), at(10n), at(15n, 16n), at(28n, 29n)] });
    await sequence.report(fromB);
    await sequence.install(terms);
    const replies = [];
    for (let call = 4; call < 8; call += 1)
      replies.push(await sequence.send({ ...take, call, count: 9, standbySize: 0 }));
    expect(replies).toMatchObject([
      { range: at(11n, 14n) },
      { range: at(17n, 25n) },
      { range: at(26n, 27n) },
      { range: at(30n, 38n) },
    ]);
    expect(await gaps()).toEqual([]);
  });

  test('a jump goes on above the ceiling and records the way; a late report takes its numbers out of the record', async () => {
    await fallBack();
    await sequence.report(fromA);
    await sequence.install({ ...terms, jumpTo: origin + 132n, ceiling: origin + 300n });
    expect(await gaps()).toEqual([
      '6-9 recovery-jump -',
      '11-27 recovery-jump -',
      '28-32 node-crash node-a',
      '33-132 recovery-jump -',
    ]);
    expect(await sequence.send({ ...take, call: 4, holding, seen: origin + 10n })).toMatchObject({ range: at(133n) });

    const { epoch } = sequence.fence;
    expect(await sequence.sendB({ ...take, call: 2, epoch: epoch - 1n })).toEqual({ kind: 'forgotten' });
    const lateB = { ...fromB, sworn: false, epoch: epoch - 1n };
    expect(await sequence.report({ ...lateB, holding: segment(origin + 40n, origin + 44n, 1) })).toEqual({
      kind: 'reported',
      fence: sequence.fence,
    });
    expect(await gaps()).toEqual([
      '11-27 recovery-jump -',
      '28-32 node-crash node-a',
      '33-39 recovery-jump -',
      '40-44 node-crash node-b',
      '45-132 recovery-jump -',
    ]);
    const released = [{ first: origin + 40n, offeredIn: 1, used: 2n }];
    expect(
      await sequence.sendB({ ...take, call: 2, count: 9, released, seen: origin + 9n, standbySize: 0 }),
    ).toMatchObject({ range: at(42n, 44n), returned: true });
    expect(await gaps()).toEqual([
      '11-27 recovery-jump -',
      '28-32 node-crash node-a',
      '33-39 recovery-jump -',
      '45-132 recovery-jump -',
    ]);
  });

  describe.each([
    ['', async (): Promise<void> => undefined],
    [', also in a state of an earlier version', async () => void (await sequence.redis.client.hdel(STATE, 'advanced'))],
  ])('what comes back below the floor says who moved it%s:', (_which, age) => {
    const jump = async (): Promise<void> => {
      await sequence.replaceServer();
      await sequence.report({ ...terms, settled: 1, seen: origin + 3n, holding, taken: [at(1n, 3n)] });
      await age();
      await sequence.install({ ...terms, jumpTo: origin + 132n, base: origin + 132n, ceiling: origin + 300n });
    };
    const release = async (): Promise<void> => {
      const released = [{ first: holding.first, offeredIn: 1, used: 0n }];
      expect(await sequence.send({ ...take, call: 2, released, seen: origin + 3n, standbySize: 0 })).toMatchObject({
        range: at(133n),
        returned: false,
      });
    };

    test('a recovery, when nobody advanced', async () => {
      await sequence.send({ ...terms, count: 3 });
      await jump();
      await release();
      expect(await gaps()).toEqual(['4-27 recovery-jump -', '28-32 recovery-jump -', '33-132 recovery-jump -']);
    });

    test('a recovery, above where an earlier advance ended', async () => {
      await sequence.send({ ...terms, count: 3 });
      await sequence.advance(origin + 20n);
      await jump();
      await release();
      expect(await gaps()).toEqual([
        '4-20 advance -',
        '21-27 recovery-jump -',
        '28-32 recovery-jump -',
        '33-132 recovery-jump -',
      ]);
    });

    test('the operator, up to where his advance ended', async () => {
      await sequence.send({ ...terms, count: 3 });
      await sequence.advance(origin + 40n);
      await jump();
      await release();
      expect(await gaps()).toEqual(['4-27 advance -', '28-32 advance -', '33-40 advance -', '41-132 recovery-jump -']);
    });
  });

  test('an emptied state that is given its account still tells an advance from a recovery', async () => {
    await sequence.send({ ...terms, count: 3 });
    await sequence.advance(origin + 40n);
    const account = await sequence.account();
    await sequence.redis.client.flushall();
    await sequence.report({ ...terms, settled: 1, seen: origin + 3n, holding, taken: [at(1n, 3n)] });
    await sequence.install({
      ...terms,
      epoch: sequence.fence.epoch + 1n,
      base: origin + 60n,
      jumpTo: origin + 60n,
      account,
    });
    const released = [{ first: holding.first, offeredIn: 1, used: 0n }];
    await sequence.send({ ...take, call: 2, released, seen: origin + 3n, standbySize: 0 });
    expect(await gaps()).toEqual(['4-27 advance -', '28-32 advance -', '33-40 advance -', '41-60 recovery-jump -']);
  });

  test('a jump stays within the limit: nothing above it was ever handed out', async () => {
    await fallBack();
    await sequence.report(fromA);
    await sequence.install({ ...terms, jumpTo: origin + 132n, limit: origin + 50n });
    expect(await sequence.send({ ...take, call: 4, limit: origin + 50n })).toMatchObject({
      kind: 'exhausted',
      valuesLeft: 0n,
    });
    expect((await gaps()).at(-1)).toBe('33-50 recovery-jump -');
  });

  test('a sequence that was closed gives nothing in the new epoch, and keeps the closure that it has', async () => {
    const closed = () => sequence.redis.client.hget(STATE, 'closed');
    const closure = { reason: 'Filed: “100 %” — gap:1:2:advance', closedAtMs: 7, subject: 'anna b', requestId: 'r' };
    const recover = async (reason: string): Promise<void> => {
      await sequence.report({ ...terms, node: 'node-b', epoch: sequence.fence.epoch + 1n });
      await sequence.install({ ...terms, closure: { ...closure, reason } });
    };
    await recover(closure.reason);
    expect(await closed()).toBe(`7 ${closure.reason}\n{"subject":"anna b","requestId":"r"}`);
    expect((await sequence.send({ ...terms, standbySize: 0 })).kind).toBe('closed');
    expect(await gaps()).toEqual([]);
    await sequence.replaceServer();
    await recover('Another');
    expect(await closed()).toContain(closure.reason);
  });

  test('a state that has lost nothing goes on as it was, with what was given back', async () => {
    await sequence.send({ ...terms, count: 5, standbySize: 0 });
    await sequence.sendB({ ...terms, count: 2, standbySize: 0 });
    await sequence.send({ ...take, kind: 'leave', call: 2, count: 0, returned: [at(3n, 5n)], seen: origin + 5n });
    await sequence.replaceServer();
    await sequence.report({ ...fromB, seen: origin + 7n, taken: [at(6n, 7n)] });
    await sequence.install(terms);
    expect(await gaps()).toEqual([]);
    expect(await sequence.sendB({ ...take, call: 2, count: 9, standbySize: 0 })).toMatchObject({
      range: at(3n, 5n),
      returned: true,
    });
  });
});
