/** The contract of every ceiling store for calls with many sequences: each entry is answered as if it had come alone. */
import { describe, expect, test } from 'vitest';
import type { CeilingRaise, SequenceAccount } from '../../src/core/ceiling/ceiling-store.ts';
import { type SequenceId, sequenceOf } from '../../src/core/values/sequence-id.ts';
import {
  accountOf,
  type CeilingStoreUnderTest,
  freshName,
  gapOf,
  granted,
  raiseOf,
  raiseOn,
  recoveryOf,
} from './ceiling-store.contract.ts';

const MANY = 1_000;

/** The gaps 2, 4, 6 …, of which a node holds each. */
const gapsOf = (count: number, node = 'n1') =>
  Array.from({ length: count }, (_, index) => gapOf(BigInt(2 * index + 2), BigInt(2 * index + 2), { node }));

export const describeManyCeilings = (title: string, get: () => CeilingStoreUnderTest): void => {
  /** Sequences in epoch 1 with ceiling 1000, and no registered node. */
  const begin = async (count: number): Promise<readonly SequenceId[]> => {
    await get().forgetNodes();
    const sequences = Array.from({ length: count }, () => freshName());
    await Promise.all(
      sequences.map(async (sequence) => granted(await get().store.recover(recoveryOf(sequence, { highest: 0n })))),
    );
    return sequences;
  };

  const beginThree = async (): Promise<[SequenceId, SequenceId, SequenceId]> => {
    const [a, b, c] = await begin(3);
    if (a === undefined || b === undefined || c === undefined) throw new Error('three sequences');
    return [a, b, c];
  };

  /** What the next recovery of epoch 1 finds as the account. */
  const storedAccount = async (sequence: SequenceId): Promise<SequenceAccount | undefined> =>
    granted(await get().store.recover(recoveryOf(sequence, { epoch: 1n }))).account;

  describe(`${title} keeps the contract for many sequences at once`, () => {
    test('does nothing for none', async () => {
      expect(await get().store.readMany([], 'n9')).toEqual([]);
      expect(await get().store.raiseMany([])).toEqual([]);
    });

    test('reads each at its place: those that nobody counted, one asked for twice, another period of the same prefix', async () => {
      const [a, b] = await beginThree();
      const period = sequenceOf(a.series, '2026');
      await get().store.recover(recoveryOf(period, { highest: 7n, origin: 7n }));
      await raiseOn(get().store, raiseOf(b));
      const first = { epoch: 1n, ceiling: 1_000n };
      expect(await get().otherNode.readMany([b, freshName(), a, period, b], 'n9')).toEqual([
        { epoch: 1n, ceiling: 2_000n },
        undefined,
        first,
        { epoch: 1n, ceiling: 1_007n, origin: 7n },
        { epoch: 1n, ceiling: 2_000n },
      ]);
    });

    test('raises those that may be, whatever becomes of the others', async () => {
      const { store, otherNode } = get();
      const [good, later, newer] = await beginThree();
      const [ahead, accounted] = await beginThree();
      await store.recover(recoveryOf(later, { epoch: 1n }));
      const unknown = freshName();
      const account = accountOf(30n, 2, [gapOf(5n, 6n)]);
      const outcomes = await store.raiseMany([
        raiseOf(unknown),
        raiseOf(good, { ceiling: 3_000n }),
        raiseOf(later, { account }),
        raiseOf(accounted, { ceiling: 4_000n, account }),
        raiseOf(newer, { epoch: 9n }),
        raiseOf(ahead, { known: 1_001n, account }),
      ]);
      expect(outcomes).toEqual([
        { kind: 'behind', current: undefined },
        { kind: 'raised', ceiling: 3_000n },
        { kind: 'superseded', current: { epoch: 2n, ceiling: 1_000n } },
        { kind: 'raised', ceiling: 4_000n },
        { kind: 'behind', current: { epoch: 1n, ceiling: 1_000n } },
        { kind: 'behind', current: { epoch: 1n, ceiling: 1_000n } },
      ]);
      const ceilings = await otherNode.readMany([unknown, good, later, accounted, newer, ahead], 'n9');
      expect(ceilings.map((row) => row?.ceiling)).toEqual([undefined, 3_000n, 1_000n, 4_000n, 1_000n, 1_000n]);
      expect(await storedAccount(accounted)).toEqual(account);
      expect(await storedAccount(ahead)).toEqual(accountOf(0n, 0, []));
    });

    test('replaces the accounts of some, and keeps those of the others', async () => {
      const { store } = get();
      const [same, newer, older] = await beginThree();
      const [none, emptied, longer] = await beginThree();
      const account = accountOf(10n, 5, [gapOf(1n, 2n), gapOf(4n, 4n)]);
      const all = [same, newer, older, none, emptied, longer];
      await store.raiseMany(all.map((sequence) => raiseOf(sequence, { account })));
      const next = accountOf(10n, 6, [gapOf(1n, 3n), gapOf(9n, 9n, { node: undefined, reason: 'advance' })]);
      const raises = [
        raiseOf(newer, { account: next }),
        raiseOf(same, { account: { ...account, value: 11n } }),
        raiseOf(older, { account: accountOf(9n, 9, [gapOf(8n, 8n)]) }),
        raiseOf(none),
        raiseOf(emptied, { account: accountOf(12n, 7, []) }),
        raiseOf(longer, { account: accountOf(10n, 6, [gapOf(1n, 2n), gapOf(4n, 5n)]) }),
      ];
      const outcomes = await store.raiseMany(raises);
      expect(outcomes.map(({ kind }) => kind)).toEqual(raises.map(() => 'raised'));
      const accounts = [];
      for (const sequence of all) accounts.push(await storedAccount(sequence));
      expect(accounts).toEqual([
        { ...account, value: 11n },
        next,
        account,
        account,
        accountOf(12n, 7, []),
        accountOf(10n, 6, [gapOf(1n, 2n), gapOf(4n, 5n)]),
      ]);
    });

    test(`raises ${MANY} in one call, each to its own ceiling, and reads them in one`, {
      timeout: 60_000,
    }, async () => {
      const sequences = (await begin(MANY)).toReversed();
      const raises = sequences.map((sequence, index): CeilingRaise => {
        const account = accountOf(BigInt(index), 1, gapsOf(index % 3, `n${index}`));
        return raiseOf(sequence, { ceiling: 2_000n + BigInt(index), account });
      });
      const outcomes = await get().store.raiseMany(raises);
      expect(outcomes).toEqual(raises.map(({ ceiling }) => ({ kind: 'raised', ceiling })));
      const read = await get().otherNode.readMany(sequences, 'n9');
      expect(read).toEqual(raises.map(({ ceiling }) => ({ epoch: 1n, ceiling })));
      for (const index of [1, 500, 998, 999]) {
        const sequence = sequences[index] ?? freshName();
        expect(await storedAccount(sequence)).toEqual(raises[index]?.account);
      }
    });

    test('replaces accounts of thousands of gaps beside each other', { timeout: 60_000 }, async () => {
      const sequences = await beginThree();
      const accounts = [3_000, 6_000, 3_000].map((count) => accountOf(20_000n, 1, gapsOf(count)));
      const outcomes = await get().store.raiseMany(
        sequences.map((sequence, index) => raiseOf(sequence, { account: accounts[index] })),
      );
      expect(outcomes.map(({ kind }) => kind)).toEqual(['raised', 'raised', 'raised']);
      for (const [index, sequence] of sequences.entries())
        expect((await storedAccount(sequence))?.gaps).toEqual(accounts[index]?.gaps);
    });

    test('keeps nobody waiting forever: nodes that raise the same in opposite order, while others read and bury', async () => {
      const { store, otherNode } = get();
      const sequences = await begin(200);
      const opposite = sequences.toReversed();
      const raisesOf = (asked: readonly SequenceId[], round: number, gaps: number) =>
        asked.map((sequence) => {
          const account = accountOf(BigInt(round), round, gapsOf(gaps));
          return raiseOf(sequence, { ceiling: 2_000n + BigInt(round), account });
        });
      for (let round = 1; round <= 8; round += 1) {
        await get().store.register('silent');
        await get().age('silent', 7_200_000);
        // In every other round the gaps change, and the rows are locked the long way.
        const gaps = Math.floor(round / 2);
        const [ours, theirs] = await Promise.all([
          store.raiseMany(raisesOf(sequences, round, gaps)),
          otherNode.raiseMany(raisesOf(opposite, round, gaps)),
          store.readMany(opposite, 'n9'),
          otherNode.readMany(sequences, 'n9'),
          store.bury(),
        ]);
        const raised = sequences.map(() => ({ kind: 'raised', ceiling: 2_000n + BigInt(round) }));
        expect([ours, theirs]).toEqual([raised, raised]);
      }
    });
  });
};
