/** The rule of a ceiling: which account of a sequence is the later one, and what a refusal leaves alone. */
import { describe, expect, test } from 'vitest';
import {
  type CeilingEntry,
  decideRaise,
  decideRecovery,
  type MissingNode,
} from '../../../../src/core/ceiling/ceiling-rule.ts';
import type { CeilingRaise, RecoveryRequest } from '../../../../src/core/ceiling/ceiling-store.ts';
import { sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';

const INV = sequenceOf(seriesOf('INV'), '');
const ENTRY: CeilingEntry = {
  epoch: 3n,
  ceiling: 100n,
  server: 'server-a',
  grantedSince: 2n,
  base: 20n,
  jumpedWithout: [],
  account: { value: 50n, changes: 7 },
  origin: 10n,
};
const RAISE: CeilingRaise = { sequence: INV, epoch: 3n, known: 100n, ceiling: 200n, base: 30n, account: undefined };
const REQUEST: RecoveryRequest = {
  ...{ sequence: INV, epoch: 3n, servedEpoch: 3n, server: 'server-b', reported: [] },
  ...{ highest: 60n, window: 1_000n, mayJump: false },
};

describe('the account of a raise', () => {
  const decide = (value: bigint, changes: number, entry = ENTRY) =>
    decideRaise(entry, { ...RAISE, account: { value, changes, gaps: [] } });

  test.each([
    ['of a higher value, though of fewer changes', 51n, 0],
    ['of the same value and more changes', 50n, 8],
  ])('replaces the stored one when it is %s', (_when, value, changes) => {
    expect(decide(value, changes)).toMatchObject({ entry: { account: { value, changes } }, replacesAccount: true });
  });

  test.each([
    ['the same', 50n, 7],
    ['of the same value and fewer changes', 50n, 6],
    ['of a lower value, though of more changes', 49n, 9],
  ])('leaves the stored one when it is %s', (_when, value, changes) => {
    expect(decide(value, changes)).toMatchObject({ entry: { account: ENTRY.account }, replacesAccount: false });
  });

  test('is stored when none was', () => {
    const { entry, replacesAccount } = decide(0n, 0, { ...ENTRY, account: undefined });
    expect([entry?.account, replacesAccount]).toEqual([{ value: 0n, changes: 0 }, true]);
  });

  test('stays what it was when a raise brings none', () => {
    expect(decideRaise(ENTRY, RAISE)).toEqual({
      outcome: { kind: 'raised', ceiling: 200n },
      entry: { ...ENTRY, ceiling: 200n, base: 30n },
      replacesAccount: false,
    });
  });
});

describe('a refused raise', () => {
  const current = { epoch: 3n, ceiling: 100n };

  test.each([
    ['of a sequence that is not known', undefined, RAISE, { kind: 'behind', current: undefined }],
    ['of an earlier epoch', ENTRY, { ...RAISE, epoch: 2n }, { kind: 'superseded', current }],
    ['of a later epoch', ENTRY, { ...RAISE, epoch: 4n }, { kind: 'behind', current }],
    ['of a higher ceiling than is stored', ENTRY, { ...RAISE, known: 101n }, { kind: 'behind', current }],
  ])('%s stores nothing, the account neither', (_what, entry, raise, outcome) => {
    expect(decideRaise(entry, raise)).toEqual({ outcome, entry: undefined, replacesAccount: false });
  });
});

const missing = (node: string, more: Partial<MissingNode> = {}): MissingNode => ({
  ...{ node, isRecent: false, rejoins: true },
  ...more,
});

describe('a recovery', () => {
  test('that is exact goes on above the base in the next epoch, and keeps account and origin', () => {
    const entry = { ...ENTRY, epoch: 4n, server: 'server-b', grantedSince: 4n, ceiling: 1_060n };
    expect(decideRecovery(ENTRY, REQUEST, [])).toEqual({
      kind: 'granted',
      entry,
      outcome: {
        kind: 'granted',
        epoch: 4n,
        grantedSince: 4n,
        ceiling: 1_060n,
        base: 20n,
        jumpTo: undefined,
        origin: 10n,
      },
    });
  });

  test('that may jump over a node that did not report goes on above the ceiling', () => {
    expect(decideRecovery(ENTRY, { ...REQUEST, mayJump: true }, [missing('n1')])).toEqual({
      kind: 'granted',
      entry: {
        ...{ ...ENTRY, epoch: 4n, server: 'server-b', grantedSince: 4n },
        ...{ ceiling: 1_100n, base: 100n, jumpedWithout: ['n1'] },
      },
      outcome: { kind: 'granted', epoch: 4n, grantedSince: 4n, ceiling: 1_100n, base: 100n, jumpTo: 100n, origin: 10n },
    });
  });

  test('on the server that was granted the epochs before remembers since when', () => {
    const again = decideRecovery(ENTRY, { ...REQUEST, server: 'server-a' }, []);
    expect(again).toMatchObject({ entry: { epoch: 4n, grantedSince: 2n }, outcome: { grantedSince: 2n } });
    const first = { ...REQUEST, epoch: 0n, servedEpoch: 0n };
    expect(decideRecovery(undefined, first, [])).toMatchObject({ entry: { epoch: 1n, grantedSince: 1n } });
  });

  test('that may not waits for the node', () => {
    expect(decideRecovery(ENTRY, REQUEST, [missing('n1')])).toEqual({
      kind: 'refused',
      outcome: { kind: 'waiting', missing: ['n1'] },
    });
  });

  test('keeps of those it once went on without the ones that are registered, whether they report or not', () => {
    const entry = { ...ENTRY, jumpedWithout: ['gone', 'reports', 'silent'] };
    const request = { ...REQUEST, reported: ['reports'] };
    expect(decideRecovery(entry, request, [missing('silent')])).toMatchObject({
      entry: { jumpedWithout: ['reports', 'silent'] },
      outcome: { jumpTo: undefined },
    });
  });

  test('waits for a node of an earlier release each time', () => {
    const request = { ...REQUEST, mayJump: true };
    expect(decideRecovery(ENTRY, request, [missing('n2'), missing('old', { rejoins: false })])).toMatchObject({
      entry: { jumpedWithout: ['n2'] },
    });
  });

  test('has no more than one window above what is known, however often it goes on', () => {
    let entry = ENTRY;
    for (let times = 0; times < 100; times += 1) {
      const request = { ...REQUEST, epoch: entry.epoch, servedEpoch: entry.epoch, mayJump: true };
      const decision = decideRecovery(entry, request, [missing('dead')]);
      if (decision.kind !== 'granted') throw new Error('It waits.');
      entry = decision.entry;
    }
    // One jump, to the ceiling of before.
    expect(entry).toMatchObject({ epoch: 103n, base: 100n, ceiling: 1_100n });
  });
});
