/** The mark book of a ledger's guard: nothing known is forgotten, what the other store lacks is named, and news come once. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  combineMarks,
  compareMarks,
  createMarkBook,
  markBehind,
  markPaid,
  nextOwed,
  noteOwn,
  owe,
  showGuard,
  takeNews,
} from '../../../../src/allocators/gapless/mark-book.ts';
import { higherMark, type LedgerMark } from '../../../../src/core/ledger/ledger-mark.ts';
import { type SequenceId, sequenceKeyOf, sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { propertyRuns } from '../../../support/property-runs.ts';

const [A, B] = [sequenceOf(seriesOf('A'), ''), sequenceOf(seriesOf('B'), '')];
const markOf = (sequence: SequenceId, changes: number): LedgerMark => ({
  sequence,
  changes: BigInt(changes),
  value: BigInt(changes),
});

describe('what is known of a sequence', () => {
  test('is the higher of both marks, and a store that has the lower one lacks the other', () => {
    const book = createMarkBook();
    noteOwn(book, [markOf(A, 3), markOf(B, 3)]);
    const { known, lacking } = combineMarks(book, [A, B], [markOf(A, 2), markOf(B, 4)]);
    expect([...known.values()]).toEqual([markOf(A, 3), markOf(B, 4)]);
    expect(lacking).toEqual([markOf(A, 3)]);
  });

  test('is its own mark while the store is away, which then lacks nothing', () => {
    const book = createMarkBook();
    noteOwn(book, [markOf(A, 3)]);
    const { known, lacking } = combineMarks(book, [A, B], undefined);
    expect([...known.values()]).toEqual([markOf(A, 3)]);
    expect(lacking).toEqual([]);
  });
});

describe('what is owed', () => {
  test('is paid in portions, and stays when it was raised meanwhile', () => {
    const book = createMarkBook();
    owe(book, [markOf(A, 1), markOf(B, 1)]);
    const portion = nextOwed(book, 1);
    expect(portion).toEqual([markOf(A, 1)]);
    owe(book, [markOf(A, 2)]);
    markPaid(book, portion);
    expect(nextOwed(book, 9)).toEqual([markOf(B, 1), markOf(A, 2)]);
    markPaid(book, nextOwed(book, 9));
    expect(nextOwed(book, 9)).toEqual([]);
  });
});

describe('news', () => {
  test('of a sequence that went back come once, and once more when it is whole again', () => {
    const book = createMarkBook();
    markBehind(book, markOf(A, 3));
    expect(takeNews(book)).toEqual([{ type: 'ledger-behind', sequences: 1, example: markOf(A, 3) }]);
    expect(takeNews(book)).toEqual([]);
    compareMarks(book, [markOf(A, 3)], [{ ...markOf(A, 3), floor: 0n }]);
    expect(takeNews(book)).toEqual([{ type: 'ledger-behind', sequences: 0, example: undefined }]);
  });

  test('of a ledger without a guard come only when it has sequences', () => {
    const book = createMarkBook();
    book.isReached = false;
    expect(takeNews(book)).toEqual([]);
    noteOwn(book, [markOf(A, 1)]);
    expect(takeNews(book)).toEqual([{ type: 'gapless-guard', guarded: false }]);
    book.isReached = true;
    owe(book, [markOf(A, 1)]);
    expect(takeNews(book)).toEqual([]);
    markPaid(book, nextOwed(book, 1));
    expect(takeNews(book)).toEqual([{ type: 'gapless-guard', guarded: true }]);
  });
});

const mark = fc
  .record({ sequence: fc.constantFrom(A, B), changes: fc.nat(5) })
  .map((it) => markOf(it.sequence, it.changes));
const step = fc.record({
  kind: fc.constantFrom('note', 'note while away', 'pay', 'empty the store', 'compare'),
  mark,
});

test('the store and the book together know of every change, and what the events said is what is shown', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const book = createMarkBook();
      const store = new Map<string, LedgerMark>();
      const noted = new Map<string, LedgerMark>();
      const said = { behind: 0, unguarded: false };
      const raise = (marks: Map<string, LedgerMark>, raised: readonly LedgerMark[]): void => {
        for (const each of raised) {
          const name = sequenceKeyOf(each.sequence);
          marks.set(name, higherMark(marks.get(name), each));
        }
      };
      for (const { kind, mark: chosen } of steps) {
        if (kind === 'note' || kind === 'note while away') {
          noteOwn(book, [chosen]);
          raise(noted, [chosen]);
        }
        if (kind === 'note') raise(store, [chosen]);
        if (kind === 'note while away') owe(book, [chosen]);
        if (kind === 'pay') {
          const marks = nextOwed(book, 1);
          raise(store, marks);
          markPaid(book, marks);
        }
        if (kind === 'empty the store') store.clear();
        if (kind === 'compare') compareMarks(book, [chosen], [{ ...markOf(chosen.sequence, 3), floor: 0n }]);
        for (const event of takeNews(book)) {
          if (event.type === 'ledger-behind') said.behind = event.sequences;
          if (event.type === 'gapless-guard') said.unguarded = !event.guarded;
        }
        const { behind, unguarded } = showGuard(book);
        expect(said).toEqual({ behind, unguarded });
      }
      const found = [A, B].map((sequence) => store.get(sequenceKeyOf(sequence)));
      const { known, lacking } = combineMarks(book, [A, B], found);
      for (const [name, own] of noted) expect(known.get(name)?.changes).toBeGreaterThanOrEqual(own.changes);
      raise(store, lacking);
      for (const [name, own] of noted) expect(store.get(name)?.changes ?? 0n).toBeGreaterThanOrEqual(own.changes);
    }),
    { numRuns: propertyRuns(500) },
  );
});
