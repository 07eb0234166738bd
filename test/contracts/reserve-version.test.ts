/** The version of a state: what a later release has written is kept, or refused; what an earlier one has written is served. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CorruptEntryError } from '../../src/core/errors.ts';
import { assembleScript, textOf } from '../support/lua-lint.ts';
import { RESERVE_SCRIPT } from '../support/reserve-script.ts';
import {
  GAPS,
  INV,
  range,
  type SequenceUnderTest,
  STATE,
  segment,
  sequenceForTests,
  startSequenceUnderTest,
} from '../support/sequence-under-test.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The last commit whose states say no version. */
const EARLIER = 'b30411a';

const sequence = sequenceForTests();
const version = () => sequence.redis.client.hget(STATE, 'version');
const take = { kind: 'take', standbySize: 0 } as const;

describe('a state says its version', () => {
  test('when a first call makes it', async () => {
    await sequence.send({});
    expect(await version()).toBe('1');
  });

  test('when a first report makes it', async () => {
    await sequence.report();
    expect(await version()).toBe('1');
  });

  test('when an emptied one is recovered', async () => {
    await sequence.send({ count: 3, standbySize: 0 });
    await sequence.redis.client.flushall();
    await sequence.report({ settled: 1, seen: 3n, taken: [range(1n, 3n)] });
    await sequence.redis.client.hdel(STATE, 'version');
    await sequence.install();
    expect(await version()).toBe('1');
  });

  test('when it said none, with the next call that does more than count on', async () => {
    await sequence.send({ standbySize: 0 });
    await sequence.redis.client.hdel(STATE, 'version');
    expect(await sequence.send({ ...take, call: 2, seen: 1n })).toMatchObject({ range: range(2n, 2n) });
    expect(await version()).toBeNull();
    expect(await sequence.send({ ...take, call: 3, seen: 2n, returned: [range(2n, 2n)] })).toMatchObject({
      range: range(2n, 2n),
    });
    expect(await version()).toBe('1');
  });
});

test('fields that a later release has added are kept through calls, an advance and a recovery', async () => {
  await sequence.send({ count: 3, standbySize: 0 });
  await sequence.redis.client.hset(STATE, { later: 'of a later release', 'l:node-a': '1:2' });
  await sequence.send({ ...take, call: 2, seen: 3n });
  await sequence.advance(20n);
  await sequence.replaceServer();
  await sequence.report({ settled: 2, seen: 4n, taken: [range(1n, 4n)] });
  expect(await sequence.install()).toBe(true);
  expect(await sequence.send({ ...take, call: 3, seen: 4n })).toMatchObject({ range: range(21n, 21n) });
  expect(await sequence.redis.client.hmget(STATE, 'later', 'l:node-a')).toEqual(['of a later release', '1:2']);
});

describe.each([
  ['2', 'of a later version'],
  ['10', 'of a much later version'],
  ['x', 'whose version is unreadable'],
])('a state %s', (stored, _which) => {
  const KINDS = [
    'take',
    'join',
    'leave',
    'advance',
    'once',
    'report',
    'late',
    'raise',
    'propose',
    'account',
    'install',
  ];

  test.each(KINDS)('is not touched by %s', async (kind) => {
    await sequence.send({ count: 3 });
    await sequence.redis.client.hset(STATE, 'version', stored);
    const before = await sequence.snapshot();
    const { epoch } = sequence.fence;
    const words = kind === 'once' ? 'HASH F 1795224970123 p: INV' : 'to:9 ceiling:900 fence:a:9 time:1 base:0';
    const script = await sequence.redis.client.script('LOAD', RESERVE_SCRIPT);
    const keys = ['sequence:INV', STATE, GAPS, ...(kind === 'once' ? ['{sequence:INV}:receipt:HASH'] : [])];
    const entry = `node-a 2 ${kind} 1 0 999999 0 - 0 3 ${epoch} 10000 ${words}`;
    expect(await sequence.redis.client.evalsha(String(script), keys.length, ...keys, entry)).toEqual([
      `corrupt the state is version ${stored}, this release knows 1`,
    ]);
    expect(await sequence.snapshot()).toEqual(before);
    expect(await sequence.redis.client.exists('{sequence:INV}:receipt:HASH')).toBe(0);
  });

  test('is not read for a report', async () => {
    await sequence.send({ count: 3 });
    await sequence.redis.client.hset(STATE, 'version', stored);
    await expect(sequence.store.inspect(INV)).rejects.toThrow(CorruptEntryError);
    await expect(sequence.store.inspect(INV)).rejects.toMatchObject({
      cause: `${STATE}: the state is version ${stored}, this release knows 1`,
    });
  });
});

describe('a release before states had a version', () => {
  const earlier = textOf(
    assembleScript('reserve', (path) =>
      execFileSync('git', ['show', `${EARLIER}:${path}`], { cwd: ROOT, encoding: 'utf8' }),
    ),
  );

  /** What the state says, but for times and epochs. */
  const standing = async (): Promise<readonly unknown[]> => [
    await sequence.redis.client.hmget(
      STATE,
      'value',
      'ahead',
      'free',
      'floor',
      'advanced',
      'origin',
      'changes',
      'gaps',
    ),
    await sequence.gaps(),
  ];

  /** Goes on in a state as this release leaves it, with everything that a node does. */
  const play = async ({ send, sendB, advance, report, install }: SequenceUnderTest) => {
    const node = 'node-old';
    const holding = segment(34n, 38n, 1);
    const seen: unknown[] = [];
    const note = async (done: Promise<unknown>): Promise<void> => void seen.push(await done, await standing());
    await note(send({ node, count: 2 }));
    await note(send({ node, call: 2, kind: 'take', seen: 5n, holding }));
    await note(sendB({ count: 4, standbySize: 0 }));
    await note(sendB({ ...take, call: 2, seen: 10n, returned: [range(8n, 9n)] }));
    await note(advance(60n));
    await note(send({ ...take, node, call: 3, seen: 6n, released: [{ ...holding, used: 2n }] }));
    await sequence.replaceServer();
    await note(send({ ...take, node, call: 4, seen: 61n }));
    const { kind } = await report({ node, settled: 3, seen: 61n, taken: [range(4n, 6n), range(61n, 61n)] });
    await note(install());
    await note(send({ ...take, node, call: 4, seen: 61n }));
    return [kind, ...seen];
  };

  /** @param forget what is taken out of the state before the earlier release finds it. */
  const playAfter = async (...forget: readonly string[]) => {
    await sequence.redis.client.flushall();
    await sequence.send({ count: 3 });
    if (forget.length > 0) await sequence.redis.client.hdel(STATE, ...forget);
    return play(await startSequenceUnderTest(earlier, sequence.redis));
  };

  test('serves a state with a version as one without, and keeps it', async () => {
    expect(earlier).not.toContain('VERSION');
    const expected = await playAfter('version');
    expect(await version()).toBeNull();
    expect(await playAfter()).toEqual(expected);
    expect(await version()).toBe('1');
    expect(expected).toContainEqual(expect.objectContaining({ kind: 'taken', range: range(62n, 62n) }));
  });

  test('leaves a state that this one serves', async () => {
    await playAfter('version');
    expect(await sequence.send({ node: 'node-new' })).toMatchObject({ range: range(63n, 63n) });
    expect(await version()).toBe('1');
  });
});
