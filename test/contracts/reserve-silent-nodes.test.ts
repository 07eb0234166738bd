/** What a recovery of `reserve.lua` does with the last ranges of nodes that have not reported, however many there are. */
import { describe, expect, test } from 'vitest';
import { RESERVE_SCRIPT } from '../support/reserve-script.ts';
import { STATE, sequenceForTests, startSequenceUnderTest } from '../support/sequence-under-test.ts';

const sequence = sequenceForTests();

describe('the last ranges of nodes that have not reported', () => {
  /** `node-a` alone reports, and the recovery goes on above 30. */
  const recoverAlone = async (): Promise<void> => {
    await sequence.replaceServer();
    await sequence.report();
    await sequence.install({ jumpTo: 30n });
  };

  test('are missing, each under the name of its node; what was advanced over stays an advance', async () => {
    await sequence.send({ node: 'node-c', count: 3, standbySize: 0 });
    await sequence.send({ node: 'node-d', count: 3, standbySize: 0 });
    await sequence.advance(20n);
    await sequence.send({ node: 'node-e', count: 2, standbySize: 0 });
    await recoverAlone();
    expect(await sequence.gaps()).toEqual([
      '1-3 recovery-jump node-c',
      '21-22 recovery-jump node-e',
      '23-30 recovery-jump -',
      '4-6 recovery-jump node-d',
      '7-20 advance -',
    ]);
  });

  test('are in the record once where two of them overlap', async () => {
    await sequence.send({ node: 'node-c', count: 3, standbySize: 0 });
    await sequence.send({ node: 'node-d', count: 3, standbySize: 0 });
    const record = (await sequence.redis.client.hget(STATE, 'n:node-d')) ?? '';
    await sequence.redis.client.hset(STATE, 'n:node-d', record.replace(' 4 6 ', ' 2 6 '));
    await recoverAlone();
    expect(await sequence.gaps()).toEqual([
      '1-3 recovery-jump node-c',
      '4-6 recovery-jump node-d',
      '7-30 recovery-jump -',
    ]);
  });
});

test('the gap record is gone through as often for thirty silent nodes as for three', async () => {
  const PASSES = 'passes';
  const counting = RESERVE_SCRIPT.replace(
    'local function explain(s, claims)\n',
    `$&  redis.call('INCR', '${PASSES}')\n`,
  );
  expect(counting).not.toBe(RESERVE_SCRIPT);
  const passesFor = async (nodes: number): Promise<number> => {
    await sequence.redis.client.flushall();
    const { send, replaceServer, report, install } = await startSequenceUnderTest(counting, sequence.redis);
    for (let n = 0; n < nodes; n += 1) await send({ node: `node-${n}`, standbySize: 0 });
    await replaceServer();
    await report({ node: 'node-new' });
    await sequence.redis.client.del(PASSES);
    expect(await install({ jumpTo: 100n })).toBe(true);
    expect(await sequence.gaps()).toHaveLength(nodes + 1);
    return Number(await sequence.redis.client.get(PASSES));
  };
  expect(await passesFor(30)).toBe(await passesFor(3));
});
