/** The trips of the guard between the counter store and the ledger, page by page; the mark book keeps what they find. */
import type { KnownMarkStore, StoredMarks } from '../../core/ledger/ledger-mark.ts';
import type { SequenceId } from '../../core/values/sequence-id.ts';
import { compareMarks, type MarkBook, markPaid, nextOwed } from './mark-book.ts';

export interface MarkTrips {
  readonly book: MarkBook;
  /** The marks in the counter store. */
  readonly store: KnownMarkStore;
  /** The marks in the ledger. */
  readonly stored: StoredMarks;
}

const PAGE = 1_000;

/** Adds all marks of the ledger to the counter store, unless it has had them since it was last empty. */
export const fillMarks = async ({ book, store, stored }: MarkTrips): Promise<void> => {
  if (await store.isFilled()) return;
  let after: SequenceId | undefined;
  for (;;) {
    const page = await stored.list(after, PAGE);
    if (page.length > 0) book.isUsed = true;
    await store.raise(page);
    after = page.at(-1)?.sequence;
    if (page.length < PAGE) return store.confirmFilled();
  }
};

/** Raises the marks in the counter store that could not be raised before. */
export const payOwed = async ({ book, store }: Pick<MarkTrips, 'book' | 'store'>): Promise<void> => {
  for (let marks = nextOwed(book, PAGE); marks.length > 0; marks = nextOwed(book, PAGE)) {
    await store.raise(marks);
    markPaid(book, marks);
  }
};

/** Compares all marks with the ledger. */
export const compareAll = async ({ book, store, stored }: MarkTrips): Promise<void> => {
  for await (const marks of store.list()) {
    book.isUsed = true;
    compareMarks(book, marks, await stored.read(marks.map(({ sequence }) => sequence)));
  }
  // Marks that the counter store has lost meanwhile.
  const found = [...book.behind.values()];
  for (let at = 0; at < found.length; at += PAGE) {
    const marks = found.slice(at, at + PAGE);
    compareMarks(book, marks, await stored.read(marks.map(({ sequence }) => sequence)));
  }
};
