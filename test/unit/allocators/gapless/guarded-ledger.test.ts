/** A guarded ledger: who is refused, and what is told to whom before anybody is answered. */
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createGuardedLedger } from '../../../../src/allocators/gapless/guarded-ledger.ts';
import { createLedgerGuard, type LedgerGuard } from '../../../../src/allocators/gapless/ledger-guard.ts';
import { StorageUnavailableError } from '../../../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../../../src/core/events/events.ts';
import {
  higherMark,
  isBehind,
  type KnownMarkStore,
  type LedgerMark,
  type StoredMarks,
} from '../../../../src/core/ledger/ledger-mark.ts';
import type { LedgerStore, LedgerTake, TakeOutcome } from '../../../../src/core/ledger/ledger-store.ts';
import { sequenceKeyOf, sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';

const SEQUENCE = sequenceOf(seriesOf('INV'), '');
const TAKES = [{ sequence: SEQUENCE, count: 1 }] as unknown as readonly LedgerTake[];

/** A ledger of one sequence that commits at once, and two nodes before it; the replies to the first node may be held up. */
const start = () => {
  const known = new Map<string, LedgerMark>();
  const state = { changes: 0n, away: false };
  const events: NumberGeneratorEvent[] = [];
  let holdReply: Promise<void> | undefined;
  const reach = (): void => {
    if (state.away) throw new StorageUnavailableError('away');
  };
  const store: KnownMarkStore = {
    read: async (sequences) => {
      reach();
      return sequences.map((sequence) => known.get(sequenceKeyOf(sequence)));
    },
    raise: async (marks) => {
      reach();
      for (const mark of marks)
        known.set(sequenceKeyOf(mark.sequence), higherMark(known.get(sequenceKeyOf(mark.sequence)), mark));
    },
    list: async function* () {
      reach();
      yield [...known.values()];
    },
    isFilled: async () => true,
    confirmFilled: async () => undefined,
  };
  const mark = (): LedgerMark => ({ sequence: SEQUENCE, changes: state.changes, value: state.changes });
  const stored: StoredMarks = {
    read: async () => [{ ...mark(), floor: 0n }],
    list: async () => [],
    lift: async () => false,
  };
  const take: LedgerStore['take'] = async (_operation, _takes, before): Promise<TakeOutcome> => {
    if (isBehind(mark(), before?.get(sequenceKeyOf(SEQUENCE))))
      return { kind: 'done', answers: [{ kind: 'behind' }], marks: [] };
    state.changes += 1n;
    const marks = [mark()];
    await holdReply;
    return { kind: 'done', answers: [{ kind: 'taken', ranges: [], expiresAtMs: undefined }], marks };
  };
  const openGuard = (): LedgerGuard =>
    createLedgerGuard({ store, stored, emit: (event) => events.push(event), retryMs: 5 });
  const hold = (): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    holdReply = promise;
    return () => {
      holdReply = undefined;
      resolve();
    };
  };
  return { known, state, events, openGuard, hold, stored, ledger: { take } as LedgerStore };
};

const kindOf = async (outcome: Promise<TakeOutcome>): Promise<string | undefined> => {
  const done = await outcome;
  return done.kind === 'done' ? done.answers[0]?.kind : done.kind;
};

/** A node whose reply comes after another one has taken, and has told of it. */
const overtake = async (
  { hold, openGuard, ledger, stored }: ReturnType<typeof start>,
  node: (ledger: LedgerStore, guard: LedgerGuard, stored: StoredMarks) => Pick<LedgerStore, 'take'>,
): Promise<(string | undefined)[]> => {
  const release = hold();
  const slow = kindOf(node(ledger, openGuard(), stored).take('1', TAKES));
  await setImmediate();
  release();
  const fast = await kindOf(createGuardedLedger(ledger, openGuard(), stored).take('2', TAKES));
  return [fast, await slow];
};

describe('two nodes on one sequence', () => {
  test('that overtake each other are both served', async () => {
    expect(await overtake(start(), createGuardedLedger)).toEqual(['taken', 'taken']);
  });

  test('are refused falsely where what is known is compared after the commit: the breach that the test above must find', async () => {
    const comparingLate = (ledger: LedgerStore, guard: LedgerGuard): Pick<LedgerStore, 'take'> => ({
      take: async (operation, takes) => {
        const outcome = await ledger.take(operation, takes);
        await new Promise((resolve) => setTimeout(resolve, 5));
        const known = await guard.known([SEQUENCE]);
        const mark = outcome.kind === 'done' ? outcome.marks[0] : undefined;
        return isBehind(mark, known.get(sequenceKeyOf(SEQUENCE)))
          ? { kind: 'done', answers: [{ kind: 'behind' }], marks: [] }
          : outcome;
      },
    });
    expect(await overtake(start(), comparingLate)).toEqual(['taken', 'behind']);
  });
});

describe('a guarded ledger', () => {
  test('has told of a change when it answers, and refuses when the ledger has changed less than a node of another start knew', async () => {
    const scene = start();
    await createGuardedLedger(scene.ledger, scene.openGuard(), scene.stored).take('1', TAKES);
    expect(scene.known.get('INV ')).toMatchObject({ changes: 1n, value: 1n });
    scene.state.changes = 0n;
    const guard = scene.openGuard();
    expect(await kindOf(createGuardedLedger(scene.ledger, guard, scene.stored).take('2', TAKES))).toBe('behind');
    expect(guard.state()).toMatchObject({ behind: 1, unguarded: false });
    expect(scene.events).toMatchObject([{ type: 'ledger-behind', sequences: 1 }]);
    scene.state.changes = 1n;
    await guard.look();
    expect(scene.events.at(-1)).toMatchObject({ type: 'ledger-behind', sequences: 0 });
  });

  test('answers while the other store is away, says so, knows what it did itself, and tells it later', async () => {
    const scene = start();
    const guard = scene.openGuard();
    const ledger = createGuardedLedger(scene.ledger, guard, scene.stored);
    scene.state.away = true;
    expect(await kindOf(ledger.take('1', TAKES))).toBe('taken');
    expect(guard.state().unguarded).toBe(true);
    expect(scene.events).toEqual([{ type: 'gapless-guard', guarded: false }]);
    scene.state.changes = 0n;
    expect(await kindOf(ledger.take('2', TAKES))).toBe('behind');
    scene.state.away = false;
    await expect.poll(() => guard.state().unguarded).toBe(false);
    expect(scene.known.get('INV ')).toMatchObject({ changes: 1n });
    await guard.close();
  });
});
