/** What became of the values of a gapless series: the rows of its ledger, one for each number, page by page. */
import type { AllocationTarget } from '../../allocators/allocator.ts';
import type { Run } from '../../core/counter/completeness.ts';
import type { LedgerRow, Reservation } from '../../core/ledger/ledger-rule.ts';
import type { LedgerStore, ReservationPosition } from '../../core/ledger/ledger-store.ts';
import type { SequenceId } from '../../core/values/sequence-id.ts';
import type { RunPage } from './counter-runs.ts';

type Ledger = Pick<LedgerStore, 'inspect' | 'listRows' | 'listReservations'>;

// Small: what lives for as long as a page does is moved among the old objects by the garbage collector, and lies there for long.
const ROWS_PER_PAGE = 200;
const RESERVATIONS_PER_PAGE = 1_000;
/** Reasons named of one value, the latest ones; a value may be reserved and given up any number of times. */
const REASONS_MAX = 10;
const LOWEST_ID = '00000000-0000-0000-0000-000000000000';

/** Why a reservation came to nothing; undefined when it did not, or not yet. */
const reasonOf = ({ state, reason }: Reservation): string | undefined => {
  if (state === 'void') return reason ?? 'void';
  return state === 'expired' ? 'expired' : undefined;
};

/** Why the values of these rows were given up, each time they were. Read after the rows, so that it knows at least as much. */
const readReasons = async (ledger: Ledger, sequence: SequenceId, rows: readonly LedgerRow[]) => {
  const reasons = new Map<bigint, string[]>();
  const [first, last] = [rows[0]?.value ?? 0n, rows.at(-1)?.value ?? 0n];
  let after: ReservationPosition | undefined = { value: first, reservedAtMs: 0, id: LOWEST_ID };
  while (after !== undefined && after.value <= last) {
    const page: readonly Reservation[] = await ledger.listReservations(sequence, after, RESERVATIONS_PER_PAGE);
    for (const reservation of page) {
      const reason = reasonOf(reservation);
      if (reason === undefined) continue;
      const known = reasons.get(reservation.value) ?? [];
      reasons.set(reservation.value, [...known, reason].slice(-REASONS_MAX));
    }
    after = page.length < RESERVATIONS_PER_PAGE ? undefined : page.at(-1);
  }
  return reasons;
};

const toRun = (row: LedgerRow, reasons: readonly string[] | undefined): Run => ({
  first: row.value,
  last: row.last ?? row.value,
  state: row.state,
  reason:
    row.reason ?? reasons?.join('; ') ?? (row.state === 'void' || row.state === 'lost' ? 'not delivered' : undefined),
  atMs: row.changedAtMs,
  number: row.last === undefined ? row.number : undefined,
  subject: row.subject,
  reservation: row.reservation,
});

/** A value without a row. There can be none; if there is one, the report must be the one to say so. */
const missing = (first: bigint, last: bigint): Run => ({ first, last, state: 'gap', reason: 'unaccounted' });

/**
 * All values up to the highest one taken when the report was begun. Nothing is held open in the store between two pages.
 * @throws StorageUnavailableError, StorageTimeoutError.
 */
export async function* readLedgerReport(
  ledger: Ledger,
  { sequence }: Pick<AllocationTarget, 'sequence'>,
): AsyncGenerator<RunPage, void, void> {
  const { value: highest } = await ledger.inspect(sequence);
  if (highest === undefined) return;
  let next: bigint | undefined;
  let after = 0n;
  for (;;) {
    const rows = (await ledger.listRows(sequence, after, ROWS_PER_PAGE)).filter(({ value }) => value <= highest);
    const reasons = rows.length === 0 ? undefined : await readReasons(ledger, sequence, rows);
    const runs: Run[] = [];
    for (const row of rows) {
      if (next !== undefined && next < row.value) runs.push(missing(next, row.value - 1n));
      runs.push(toRun(row, reasons?.get(row.value)));
      next = (row.last ?? row.value) + 1n;
    }
    const isLast = rows.length < ROWS_PER_PAGE;
    // Without any row nothing was ever taken: what was asked for was refused, and where counting would begin is no gap.
    if (isLast && next !== undefined && next <= highest) runs.push(missing(next, highest));
    // Rows that are final say the same at any moment, as long as none is added.
    const isFinal = rows.every(({ state }) => state === 'issued' || state === 'confirmed' || state === 'lost');
    const exact = isFinal && (!isLast || (await ledger.inspect(sequence)).value === highest);
    yield { runs, exact };
    if (isLast) return;
    after = rows.at(-1)?.value ?? after;
  }
}
