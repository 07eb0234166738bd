/** Ceilings and accounts of many sequences in one call of `reserve.lua`: none harms its neighbours. */
import { expect, test } from 'vitest';
import type { AccountReply, RaiseReply } from '../../src/core/counter/counter-fence.ts';
import { type SequenceId, sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { call, range, sequenceForTests } from '../support/sequence-under-test.ts';

const sequence = sequenceForTests();

const named = (name: string, period = ''): SequenceId => sequenceOf(seriesOf(name), period);

const MANY = Array.from({ length: 1_000 }, (_, index) => named(`MANY${index}`));

/** Each takes as many values as its place says, from 1. @returns the epochs in which they are counted. */
const count = async (sequences: readonly SequenceId[]): Promise<readonly bigint[]> => {
  const calls = sequences.map((name, index) => call({ sequence: name, count: index + 1, standbySize: 0 }));
  return (await sequence.store.reserve(calls)).map(({ fence }) => fence?.epoch ?? 0n);
};

const spoilState = (name: string, field: string, value: string): Promise<number> =>
  sequence.redis.client.hset(`{sequence:${name}}:state`, field, value);

const textOf = (reply: AccountReply | RaiseReply): string => {
  if (reply.kind === 'account') return `account ${reply.account.value}`;
  return reply.kind === 'raised' ? `raised ${reply.fence.ceiling}` : reply.kind;
};

/** Two sound ones about one whose fence is not readable, one that nobody counts, one of another server, one without its value. */
const mixed = [named('A'), named('BAD'), named('NONE'), named('ELSEWHERE'), named('B', '2026'), named('HOLLOW')];

const beginMixed = async (): Promise<readonly bigint[]> => {
  const epochs = await count(mixed);
  await sequence.redis.client.del('sequence:NONE', '{sequence:NONE}:state', '{sequence:NONE}:gaps');
  await spoilState('BAD', 'fence', 'nonsense');
  await spoilState('ELSEWHERE', 'fence', `another ${epochs[3]} 10004`);
  await spoilState('HOLLOW', 'value', 'nonsense');
  return epochs;
};

test('none at all are none', async () => {
  expect(await sequence.operations.accountMany([])).toEqual([]);
  expect(await sequence.operations.raiseMany([])).toEqual([]);
});

test('the account of a sequence that is corrupt, or not served, is told as that, and those beside it are read', async () => {
  await beginMixed();
  const replies = await sequence.operations.accountMany(mixed);
  expect(replies.map(textOf)).toEqual(['account 1', 'corrupt', 'unserved', 'unserved', 'account 5', 'corrupt']);
  expect(replies[1]).toEqual({ kind: 'corrupt', reason: 'the fence of the state is unreadable' });
});

test('a ceiling of a sequence that is corrupt, or not served, is not raised, and those beside it are', async () => {
  const epochs = await beginMixed();
  const moves = mixed.map((name, index) => ({ sequence: name, epoch: epochs[index] ?? 0n, ceiling: 20_000n }));
  const wrong = moves.map((move, index) => (index === 4 ? { ...move, epoch: move.epoch + 1n } : move));
  expect((await sequence.operations.raiseMany(wrong)).map(textOf).slice(0, 5)).toEqual([
    'raised 20000',
    'corrupt',
    'outrun',
    'outrun',
    'outrun',
  ]);
  const higher = moves.map((move) => ({ ...move, ceiling: 30_000n }));
  expect((await sequence.operations.raiseMany(higher)).map(textOf)[4]).toBe('raised 30000');
});

test('a thousand go in one call, each answered at its place', async () => {
  const epochs = await count(MANY);
  const accounts = await sequence.operations.accountMany(MANY);
  expect(accounts.map(textOf)).toEqual(MANY.map((_, index) => `account ${index + 1}`));
  const moves = MANY.map((name, index) => ({
    sequence: name,
    epoch: epochs[index] ?? 0n,
    ceiling: 20_000n + BigInt(index),
  }));
  const raised = await sequence.operations.raiseMany(moves.toReversed());
  expect(raised.map(textOf)).toEqual(MANY.map((_, index) => `raised ${20_000 + index}`).toReversed());
  const [reply] = await sequence.store.reserve([call({ sequence: named('MANY7'), node: 'node-b', standbySize: 0 })]);
  expect(reply).toMatchObject({ range: range(9n, 9n), fence: { ceiling: 20_007n } });
});
