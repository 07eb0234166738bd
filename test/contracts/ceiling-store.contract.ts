/** The contract of every ceiling store: what `core/ceiling/ceiling-store.ts` promises, tried on the real thing. */
import { describe, expect, test } from 'vitest';
import type {
  CeilingRaise,
  CeilingStore,
  RaiseOutcome,
  RecoveryOutcome,
  RecoveryRequest,
  SequenceAccount,
} from '../../src/core/ceiling/ceiling-store.ts';
import type { Gap } from '../../src/core/values/gap.ts';
import { type SequenceId, sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../src/core/values/value.ts';

export interface CeilingStoreUnderTest {
  readonly store: CeilingStore;
  /** Another store object on the same data, as another node has it. */
  readonly otherNode: CeilingStore;
  /** Makes the node's last registration this much older. */
  age(node: string, ms: number): Promise<void>;
  /** Strikes all nodes out, so that those of other tests do not count. */
  forgetNodes(): Promise<void>;
}

let names = 0;
export const freshName = (period = ''): SequenceId => {
  names += 1;
  return sequenceOf(seriesOf(`S${names}`), period);
};

const HOUR_MS = 3_600_000;
const WINDOW = 1_000n;

export const recoveryOf = (sequence: SequenceId, more: Partial<RecoveryRequest> = {}): RecoveryRequest => ({
  sequence,
  epoch: 0n,
  servedEpoch: 0n,
  server: 'server-a',
  reported: [],
  highest: 0n,
  window: WINDOW,
  mayJump: false,
  ...more,
});

export const raiseOf = (sequence: SequenceId, more: Partial<CeilingRaise> = {}): CeilingRaise => ({
  sequence,
  epoch: 1n,
  known: 0n,
  ceiling: 2_000n,
  base: 0n,
  account: undefined,
  ...more,
});

/** A raise alone. */
export const raiseOn = async (store: CeilingStore, raise: CeilingRaise): Promise<RaiseOutcome> => {
  const [outcome] = await store.raiseMany([raise]);
  if (outcome === undefined) throw new Error('A raise had no outcome.');
  return outcome;
};

export const gapOf = (first: bigint, last: bigint, more: Partial<Gap> = {}): Gap => ({
  range: { first, last },
  reason: 'node-crash',
  node: 'n1',
  recordedAtMs: 1_763_700_000_123,
  ...more,
});

export const accountOf = (value: bigint, changes: number, gaps: readonly Gap[]): SequenceAccount => ({
  value,
  changes,
  gaps,
});

/** Of a sequence that began at 0. */
const FIRST_ACCOUNT = accountOf(0n, 0, []);

export const granted = (outcome: RecoveryOutcome | undefined): Extract<RecoveryOutcome, { kind: 'granted' }> => {
  if (outcome?.kind !== 'granted') throw new Error(`Expected a grant, got ${outcome?.kind}`);
  return outcome;
};

export const describeCeilingStore = (title: string, get: () => CeilingStoreUnderTest): void => {
  /** A sequence in epoch 1 with ceiling 1000, and no registered node. */
  const begin = async (sequence = freshName()): Promise<SequenceId> => {
    await get().forgetNodes();
    granted(await get().store.recover(recoveryOf(sequence)));
    return sequence;
  };

  /** What the next recovery of epoch 1 finds as the account. */
  const storedAccount = async (sequence: SequenceId): Promise<SequenceAccount | undefined> =>
    granted(await get().store.recover(recoveryOf(sequence, { epoch: 1n }))).account;

  describe(`${title} keeps the contract of a ceiling store`, () => {
    test('keeps where a sequence began through raises and recoveries, and takes it from an account that knows', async () => {
      const { store } = get();
      const [told, silent] = [freshName(), freshName()];
      const first = await store.recover(recoveryOf(told, { origin: 40n, highest: 40n }));
      expect(first).toMatchObject({ kind: 'granted', origin: 40n });
      await raiseOn(store, raiseOf(told, { known: 1_040n, account: { value: 50n, changes: 1, gaps: [] } }));
      expect(await store.read(told)).toMatchObject({ origin: 40n });
      await store.recover(recoveryOf(silent));
      expect((await store.read(silent))?.origin).toBeUndefined();
      await raiseOn(
        store,
        raiseOf(silent, { known: 1_000n, account: { value: 9n, changes: 0, gaps: [], origin: 7n } }),
      );
      const gaps = [gapOf(8n, 9n)];
      await raiseOn(store, raiseOf(silent, { known: 1_000n, account: { value: 10n, changes: 1, gaps, origin: 7n } }));
      expect(await store.read(silent)).toMatchObject({ origin: 7n });
      const next = await store.recover(recoveryOf(silent, { epoch: 1n, servedEpoch: 1n, origin: 0n, mayJump: true }));
      expect(next).toMatchObject({ kind: 'granted', origin: 7n });
    });

    test('never sets back where a sequence began: an account that was read before that moved on may come after it', async () => {
      const { store, otherNode } = get();
      const sequence = freshName();
      await store.recover(recoveryOf(sequence, { origin: 9n, highest: 9n }));
      const raise = raiseOf(sequence, { known: 1_009n });
      // The gaps differ from one to the next, so that each goes the long way; the last is the short one.
      const accounts = [
        accountOf(9n, 0, []),
        accountOf(60n, 1, [gapOf(58n, 60n)]),
        accountOf(9n, 0, []),
        accountOf(9n, 0, [gapOf(8n, 9n)]),
      ];
      const origins = [9n, 55n, 9n, 9n];
      for (const [index, account] of accounts.entries())
        await raiseOn(index % 2 ? otherNode : store, { ...raise, account: { ...account, origin: origins[index] } });
      expect(await store.read(sequence)).toMatchObject({ origin: 55n });
      expect(await store.recover(recoveryOf(sequence, { epoch: 1n, mayJump: true }))).toMatchObject({
        kind: 'granted',
        origin: 55n,
        account: { value: 60n },
      });
    });

    test('counts a first contact from where the sequence begins at least: nothing below that is said to be issued', async () => {
      const { store } = get();
      const sequence = freshName();
      const outcome = await store.recover(recoveryOf(sequence, { origin: 51n, highest: 16n }));
      expect(outcome).toEqual({
        kind: 'granted',
        epoch: 1n,
        grantedSince: 1n,
        ceiling: 1_051n,
        base: 51n,
        jumpTo: undefined,
        account: accountOf(51n, 0, []),
        origin: 51n,
      });
    });

    test('lists the periods of a prefix, in pages, and of no other', async () => {
      const { store } = get();
      const { prefixKey } = freshName().series;
      for (const name of [prefixKey, `${prefixKey}X`]) {
        for (const period of ['2027', '', '2026']) await begin(sequenceOf(seriesOf(name), period));
      }
      expect(await store.listPeriods(seriesOf(prefixKey), undefined, 10)).toEqual(['', '2026', '2027']);
      expect(await store.listPeriods(seriesOf(prefixKey), undefined, 1)).toEqual(['']);
      expect(await store.listPeriods(seriesOf(prefixKey), '', 10)).toEqual(['2026', '2027']);
      expect(await store.listPeriods(seriesOf('unknown'), undefined, 10)).toEqual([]);
    });

    test('knows nothing of a sequence that nobody counted', async () => {
      const sequence = freshName();
      expect(await get().store.read(sequence)).toBeUndefined();
      expect(await raiseOn(get().store, raiseOf(sequence))).toEqual({ kind: 'behind', current: undefined });
      expect(await get().store.recover(recoveryOf(sequence, { epoch: 3n }))).toEqual({
        kind: 'behind',
        current: undefined,
      });
      expect(await get().store.read(sequence)).toBeUndefined();
    });

    test('enters a sequence in epoch 1, exactly, whoever is registered', async () => {
      const sequence = freshName();
      await get().store.register('somebody');
      expect(await get().store.recover(recoveryOf(sequence, { highest: 70n }))).toEqual({
        kind: 'granted',
        epoch: 1n,
        grantedSince: 1n,
        ceiling: 1_070n,
        base: 70n,
        jumpTo: undefined,
        account: accountOf(70n, 0, []),
      });
      expect(await get().otherNode.read(sequence)).toEqual({ epoch: 1n, ceiling: 1_070n });
    });

    test('is behind, and stays so, when the counter store has served a sequence that it does not know', async () => {
      const sequence = freshName();
      const request = recoveryOf(sequence, { servedEpoch: 41n, mayJump: true });
      expect(await get().store.recover(request)).toEqual({ kind: 'behind', current: undefined });
      expect(await get().store.read(sequence)).toBeUndefined();
    });

    test('keeps look-alike names and periods apart', async () => {
      const base = freshName().series.prefixKey;
      const sequences: SequenceId[] = [
        sequenceOf(seriesOf(base), ''),
        sequenceOf(seriesOf(base.toLowerCase()), ''),
        sequenceOf(seriesOf(base), '2026'),
        sequenceOf(seriesOf(`${base}:2026`), ''),
        sequenceOf(seriesOf(base), '2026-11'),
      ];
      for (const [index, sequence] of sequences.entries()) {
        await get().store.recover(recoveryOf(sequence, { highest: BigInt(index) }));
      }
      const read = await Promise.all(sequences.map((sequence) => get().otherNode.read(sequence)));
      expect(read.map((ceiling) => ceiling?.ceiling)).toEqual([1_000n, 1_001n, 1_002n, 1_003n, 1_004n]);
    });

    test('raises the ceiling, and never lowers it', async () => {
      const sequence = await begin();
      expect(await raiseOn(get().store, raiseOf(sequence, { known: 1_000n }))).toEqual({
        kind: 'raised',
        ceiling: 2_000n,
      });
      expect(await raiseOn(get().otherNode, raiseOf(sequence, { known: 500n, ceiling: 1_500n }))).toEqual({
        kind: 'raised',
        ceiling: 2_000n,
      });
      expect(await get().otherNode.read(sequence)).toEqual({ epoch: 1n, ceiling: 2_000n });
    });

    test('refuses a raise of an older epoch as superseded, and one it has not heard of as behind, and changes nothing', async () => {
      const sequence = await begin();
      await get().store.recover(recoveryOf(sequence, { epoch: 1n }));
      const current = { epoch: 2n, ceiling: 1_000n };
      const account = accountOf(9n, 9, [gapOf(1n, 2n)]);
      const refused = (more: Partial<CeilingRaise>) =>
        raiseOn(get().store, raiseOf(sequence, { base: 900n, ceiling: 5_000n, account, ...more }));
      expect(await refused({ epoch: 1n })).toEqual({ kind: 'superseded', current });
      expect(await refused({ epoch: 3n })).toEqual({ kind: 'behind', current });
      expect(await refused({ epoch: 2n, known: 1_001n })).toEqual({ kind: 'behind', current });
      expect(await refused({ epoch: 1n, known: 1_001n })).toEqual({ kind: 'superseded', current });
      expect(await get().store.read(sequence)).toEqual(current);
      expect(await get().store.recover(recoveryOf(sequence, { epoch: 2n }))).toMatchObject({
        base: 0n,
        account: FIRST_ACCOUNT,
      });
    });

    test('goes on exactly when every registered node has reported', async () => {
      const sequence = await begin();
      await raiseOn(get().store, raiseOf(sequence, { base: 300n }));
      await get().store.register('n1');
      await get().store.register('n2');
      const request = recoveryOf(sequence, { epoch: 1n, reported: ['n2', 'n1', 'gone'], highest: 1_500n });
      expect(await get().store.recover(request)).toEqual({
        kind: 'granted',
        epoch: 2n,
        grantedSince: 1n,
        ceiling: 2_500n,
        base: 300n,
        jumpTo: undefined,
        account: FIRST_ACCOUNT,
      });
      expect(await get().store.read(sequence)).toEqual({ epoch: 2n, ceiling: 2_500n });
    });

    test('keeps the ceiling where it was when counting goes on far below it', async () => {
      const sequence = await begin();
      await raiseOn(get().store, raiseOf(sequence, { ceiling: 90_000n, base: 10n }));
      expect(await get().store.recover(recoveryOf(sequence, { epoch: 1n, highest: 4n }))).toMatchObject({
        ceiling: 90_000n,
        base: 10n,
      });
    });

    test('waits for registered nodes, and jumps above the ceiling when it may', async () => {
      const sequence = await begin();
      for (const node of ['n1', 'n2', 'n3']) await get().store.register(node);
      const request = recoveryOf(sequence, { epoch: 1n, reported: ['n2'], highest: 600n });
      expect(await get().store.recover(request)).toEqual({ kind: 'waiting', missing: ['n1', 'n3'] });
      expect(await get().store.read(sequence)).toEqual({ epoch: 1n, ceiling: 1_000n });
      expect(await get().store.recover({ ...request, mayJump: true })).toEqual({
        kind: 'granted',
        epoch: 2n,
        grantedSince: 1n,
        ceiling: 2_000n,
        base: 1_000n,
        jumpTo: 1_000n,
        account: FIRST_ACCOUNT,
      });
    });

    test('remembers the first closure of a sequence, and says so with every recovery from then on', async () => {
      const { store, otherNode } = get();
      const closure = { reason: 'Filed: “100 %”', closedAtMs: 1_764_000_000_000, subject: 'anna', requestId: 'r-1' };
      const [counted, never] = [await begin(), freshName()];
      expect(granted(await store.recover(recoveryOf(counted, { epoch: 1n }))).closure).toBeUndefined();
      for (const sequence of [counted, never]) {
        expect(await store.close(sequence, closure)).toEqual(closure);
        expect(await otherNode.close(sequence, { ...closure, reason: 'Again', closedAtMs: 2 })).toEqual(closure);
      }
      expect(granted(await otherNode.recover(recoveryOf(counted, { epoch: 2n }))).closure).toEqual(closure);
      expect(granted(await store.recover(recoveryOf(never))).closure).toEqual(closure);
      expect(granted(await store.recover(recoveryOf(freshName()))).closure).toBeUndefined();
      // As it is stored by a caller who is not known.
      const bare = { reason: 'Filed', closedAtMs: 1 };
      expect(await store.close(freshName(), bare)).toEqual(bare);
    });

    test('says since which epoch all were granted to the server that asks', async () => {
      const sequence = await begin();
      const grantTo = async (server: string, epoch: bigint): Promise<bigint> =>
        granted(await get().store.recover(recoveryOf(sequence, { server, epoch }))).grantedSince;
      expect([await grantTo('server-b', 1n), await grantTo('server-b', 2n)]).toEqual([2n, 2n]);
      await raiseOn(get().store, raiseOf(sequence, { epoch: 3n, ceiling: 5_000n }));
      expect([await grantTo('server-b', 3n), await grantTo('server-c', 4n)]).toEqual([2n, 5n]);
    });

    test('does not go on exactly while a reporter may still count in an epoch that was granted to another server', async () => {
      const sequence = await begin();
      const { store } = get();
      await store.recover(recoveryOf(sequence, { epoch: 1n, server: 'server-b', sworn: 2n }));
      const request = recoveryOf(sequence, { epoch: 2n, server: 'server-c' });
      expect(await store.recover({ ...request, sworn: 2n })).toEqual({ kind: 'waiting', missing: [] });
      // All have reported, and need only swear: whether one that has not is waited for any longer says nothing of that.
      const patient = { ...request, sworn: 2n, mayJump: true, mayJumpUnsworn: false };
      expect(await store.recover(patient)).toEqual({ kind: 'waiting', missing: [] });
      await store.register('silent');
      expect(await store.recover({ ...patient, mayJump: false, mayJumpUnsworn: true })).toEqual({
        kind: 'waiting',
        missing: ['silent'],
      });
      await get().forgetNodes();
      const { ceiling } = (await store.read(sequence)) ?? {};
      expect(await store.recover({ ...request, sworn: 2n, mayJump: true })).toMatchObject({ jumpTo: ceiling });
      // Another grant for the same recovery, and one for which all have sworn off what server-c may count in.
      expect(await store.recover({ ...request, epoch: 3n, sworn: 2n })).toMatchObject({ jumpTo: undefined });
      expect(await store.recover({ ...request, epoch: 4n, server: 'server-d', sworn: 5n })).toMatchObject({
        jumpTo: undefined,
      });
    });

    test('never takes a jump back, though a later recovery is exact', async () => {
      const sequence = await begin();
      await get().store.register('n1');
      await get().store.recover(recoveryOf(sequence, { epoch: 1n, mayJump: true }));
      expect(
        await get().store.recover(recoveryOf(sequence, { epoch: 2n, reported: ['n1'], highest: 4n })),
      ).toMatchObject({
        jumpTo: undefined,
        base: 1_000n,
        ceiling: 2_000n,
      });
    });

    test('waits longer for a node that has registered lately than for one that has missed two renewals', async () => {
      const sequence = await begin();
      const { store } = get();
      await store.register('n1');
      const request = recoveryOf(sequence, { epoch: 1n, mayJump: true, mayJumpRecent: false });
      expect(await store.recover(request)).toEqual({ kind: 'waiting', missing: ['n1'] });
      await get().age('n1', 44_000);
      expect(await store.recover(request)).toEqual({ kind: 'waiting', missing: ['n1'] });
      await store.register('n2');
      await get().age('n1', 2_000);
      expect(await store.recover(request)).toEqual({ kind: 'waiting', missing: ['n1', 'n2'] });
      await store.leave('n2');
      expect(await store.recover(request)).toMatchObject({ jumpTo: 1_000n });
    });

    test('waits no more for a node that a recovery went on without, until that node has read the sequence', async () => {
      const sequence = await begin();
      const { store, otherNode } = get();
      for (const node of ['n1', 'n2']) await store.register(node);
      granted(await store.recover(recoveryOf(sequence, { epoch: 1n, reported: ['n2'], mayJump: true })));
      await store.register('n1');
      for (const epoch of [2n, 3n]) {
        const outcome = granted(
          await store.recover(recoveryOf(sequence, { epoch, reported: ['n2'], highest: 1_010n })),
        );
        expect(outcome).toMatchObject({ jumpTo: undefined, base: 1_000n, ceiling: 2_010n });
      }
      const another = freshName();
      granted(await store.recover(recoveryOf(another)));
      expect(await otherNode.readMany([another, sequence], 'n2')).toMatchObject([{ epoch: 1n }, { epoch: 4n }]);
      granted(await store.recover(recoveryOf(sequence, { epoch: 4n, reported: ['n2'] })));
      expect(await otherNode.readMany([another, sequence], 'n1')).toMatchObject([{ epoch: 1n }, { epoch: 5n }]);
      const request = recoveryOf(sequence, { epoch: 5n, reported: ['n2'], highest: 1_010n });
      expect(await store.recover(request)).toEqual({ kind: 'waiting', missing: ['n1'] });
      expect(await store.recover({ ...request, mayJump: true })).toMatchObject({ jumpTo: 2_010n });
    });

    test('still waits for others than those that it went on without', async () => {
      const sequence = await begin();
      const { store } = get();
      await store.register('n1');
      granted(await store.recover(recoveryOf(sequence, { epoch: 1n, mayJump: true })));
      await store.register('n3');
      const request = recoveryOf(sequence, { epoch: 2n });
      expect(await store.recover(request)).toEqual({ kind: 'waiting', missing: ['n3'] });
      granted(await store.recover({ ...request, mayJump: true }));
      expect(await store.recover(recoveryOf(sequence, { epoch: 3n }))).toMatchObject({ jumpTo: undefined });
      // It is a node like any other once it has left and comes back.
      await store.leave('n1');
      granted(await store.recover(recoveryOf(sequence, { epoch: 4n })));
      await store.register('n1');
      expect(await store.recover(recoveryOf(sequence, { epoch: 5n }))).toEqual({ kind: 'waiting', missing: ['n1'] });
    });

    test('puts the ceiling above the highest value also when that lies above the old ceiling', async () => {
      const sequence = await begin();
      await get().store.register('n1');
      const request = recoveryOf(sequence, { epoch: 1n, highest: 5_000n, mayJump: true });
      expect(await get().store.recover(request)).toMatchObject({ jumpTo: 1_000n, ceiling: 6_000n });
    });

    test('does not wait for a node that left', async () => {
      const sequence = await begin();
      await get().store.register('n1');
      await get().store.leave('n1');
      await get().store.leave('n1');
      expect(await get().store.recover(recoveryOf(sequence, { epoch: 1n }))).toMatchObject({ jumpTo: undefined });
    });

    test('refuses a recovery of another epoch as superseded, and of one behind the counter store as behind', async () => {
      const sequence = await begin();
      const current = { epoch: 1n, ceiling: 1_000n };
      const refused = (more: Partial<RecoveryRequest>) =>
        get().store.recover(recoveryOf(sequence, { highest: 9_000n, mayJump: true, ...more }));
      expect(await refused({ epoch: 0n })).toEqual({ kind: 'superseded', current });
      expect(await refused({ epoch: 2n })).toEqual({ kind: 'superseded', current });
      expect(await refused({ epoch: 0n, servedEpoch: 7n })).toEqual({ kind: 'superseded', current });
      expect(await refused({ epoch: 1n, servedEpoch: 2n })).toEqual({ kind: 'behind', current });
      expect(await get().store.read(sequence)).toEqual(current);
    });

    test('grants exactly one of 50 concurrent recoveries of one epoch, and tells the others which is current', async () => {
      const { store, otherNode } = get();
      const sequence = freshName();
      for (const epoch of [0n, 1n, 2n]) {
        await get().forgetNodes();
        const outcomes = await Promise.all(
          Array.from({ length: 50 }, (_, index) =>
            (index % 2 === 0 ? store : otherNode).recover(recoveryOf(sequence, { epoch, highest: BigInt(index) })),
          ),
        );
        expect(outcomes.filter(({ kind }) => kind === 'granted')).toHaveLength(1);
        expect(outcomes.filter(({ kind }) => kind === 'superseded')).toHaveLength(49);
        const won = granted(outcomes.find(({ kind }) => kind === 'granted'));
        expect(await store.read(sequence)).toEqual({ epoch: epoch + 1n, ceiling: won.ceiling });
      }
    });

    test('shows a node that registered before it read either the new epoch, or to the recovery as missing', async () => {
      const { store, otherNode } = get();
      const seen = { epoch: 0, missing: 0 };
      for (let round = 0; round < 40; round += 1) {
        const sequence = await begin();
        const node = `late${round}`;
        const join = async () => {
          await otherNode.register(node);
          return otherNode.read(sequence);
        };
        const [read, outcome] = await Promise.all([
          join(),
          // Now the one, now the other is first.
          new Promise((resolve) => setTimeout(resolve, round % 3)).then(() =>
            store.recover(recoveryOf(sequence, { epoch: 1n, mayJump: true })),
          ),
        ]);
        const isMissing = granted(outcome).jumpTo !== undefined;
        if (isMissing) seen.missing += 1;
        else seen.epoch += 1;
        expect(isMissing || read?.epoch === 2n).toBe(true);
      }
      expect(seen.epoch + seen.missing).toBe(40);
    });

    test('lets 64 concurrent raises end at the highest, none below the one it was told', async () => {
      const { store, otherNode } = get();
      const sequence = await begin();
      const outcomes = await Promise.all(
        Array.from({ length: 64 }, (_, index) =>
          raiseOn(
            index % 2 === 0 ? store : otherNode,
            raiseOf(sequence, {
              ceiling: 2_000n + BigInt(index),
              account: accountOf(BigInt(index), 0, [gapOf(BigInt(index) + 1n, BigInt(index) + 1n)]),
            }),
          ),
        ),
      );
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome.kind !== 'raised') throw new Error(`Raise ${index}: ${outcome.kind}`);
        expect(outcome.ceiling).toBeGreaterThanOrEqual(2_000n + BigInt(index));
      }
      expect(await store.read(sequence)).toEqual({ epoch: 1n, ceiling: 2_063n });
      expect(await storedAccount(sequence)).toEqual(accountOf(63n, 0, [gapOf(64n, 64n)]));
    });

    test('keeps the account to the last digit and millisecond', async () => {
      const sequence = await begin();
      const gaps = [
        gapOf(1n, 9n, { reason: 'advance', node: undefined }),
        gapOf(20n, 20n, { reason: 'void', recordedAtMs: 1 }),
        gapOf(VALUE_MAX - 3n, VALUE_MAX, { reason: 'recovery-jump', node: 'n2' }),
      ];
      const account = accountOf(VALUE_MAX, Number.MAX_SAFE_INTEGER, gaps);
      await raiseOn(get().store, raiseOf(sequence, { account }));
      expect(await storedAccount(sequence)).toEqual(account);
    });

    test('replaces the account by a newer one, gap by gap, and never by an older one', async () => {
      const sequence = await begin();
      const put = (account: SequenceAccount) => raiseOn(get().store, raiseOf(sequence, { account }));
      await put(accountOf(10n, 5, [gapOf(1n, 2n), gapOf(4n, 6n), gapOf(9n, 9n)]));
      // Older by value, older by changes, and of the same date.
      await put(accountOf(9n, 7, [gapOf(1n, 1n)]));
      await put(accountOf(10n, 4, [gapOf(1n, 1n)]));
      await put(accountOf(10n, 5, [gapOf(1n, 1n)]));
      const newer = accountOf(10n, 6, [gapOf(1n, 2n), gapOf(4n, 5n, { node: undefined }), gapOf(7n, 7n)]);
      await put(newer);
      await raiseOn(get().store, raiseOf(sequence));
      expect(await storedAccount(sequence)).toEqual(newer);
    });

    test('empties the account, and fills it again', async () => {
      const sequence = await begin();
      const put = (account: SequenceAccount) => raiseOn(get().store, raiseOf(sequence, { account }));
      await put(accountOf(1n, 0, []));
      await put(accountOf(2n, 0, [gapOf(1n, 2n)]));
      await put(accountOf(3n, 0, []));
      await put(accountOf(4n, 0, []));
      expect(await storedAccount(sequence)).toEqual(accountOf(4n, 0, []));
      await raiseOn(get().store, raiseOf(sequence, { epoch: 2n, account: accountOf(5n, 0, [gapOf(5n, 5n)]) }));
      expect(granted(await get().store.recover(recoveryOf(sequence, { epoch: 2n }))).account).toEqual(
        accountOf(5n, 0, [gapOf(5n, 5n)]),
      );
    });

    test('is exact up to 18446744073709551615 and stops there', async () => {
      const sequence = freshName();
      await get().forgetNodes();
      const first = recoveryOf(sequence, { highest: VALUE_MAX - 5n });
      expect(granted(await get().store.recover(first))).toMatchObject({ ceiling: VALUE_MAX, base: VALUE_MAX - 5n });
      const epoch = 1n;
      const raise = raiseOf(sequence, { epoch, known: VALUE_MAX, ceiling: VALUE_MAX, base: VALUE_MAX });
      expect(await raiseOn(get().store, raise)).toEqual({ kind: 'raised', ceiling: VALUE_MAX });
      expect(await get().store.recover(recoveryOf(sequence, { epoch, highest: VALUE_MAX }))).toMatchObject({
        ceiling: VALUE_MAX,
        base: VALUE_MAX,
      });
    });

    test('buries a node after an hour of silence, and everything it may have issued with it', async () => {
      const [one, other] = [await begin(), await begin()];
      await get().store.register('silent');
      await get().store.register('alive');
      await get().age('silent', HOUR_MS - 60_000);
      expect(await get().store.bury()).toEqual([]);
      await get().age('silent', 120_000);
      expect(await get().otherNode.bury()).toEqual(['silent']);
      expect(await get().store.bury()).toEqual([]);
      for (const sequence of [one, other]) {
        expect(await get().store.recover(recoveryOf(sequence, { epoch: 1n, reported: ['alive'] }))).toMatchObject({
          jumpTo: undefined,
          base: 1_000n,
          ceiling: 2_000n,
        });
      }
    });

    test('does not bury a node that registered again', async () => {
      await get().forgetNodes();
      await get().store.register('back');
      await get().age('back', 2 * HOUR_MS);
      await get().otherNode.register('back');
      expect(await get().store.bury()).toEqual([]);
    });

    test('keeps thousands of sequences apart', async () => {
      await get().forgetNodes();
      const sequences = Array.from({ length: 2_000 }, () => freshName('2026'));
      await Promise.all(
        sequences.map((sequence, index) => get().store.recover(recoveryOf(sequence, { highest: BigInt(index) }))),
      );
      const read = await Promise.all(sequences.map((sequence) => get().otherNode.read(sequence)));
      expect(read.map((ceiling) => ceiling?.ceiling)).toEqual(sequences.map((_, index) => BigInt(index) + WINDOW));
    });

    test('says that it can serve', async () => {
      await expect(get().store.checkHealth()).resolves.toBeUndefined();
    });
  });
};
