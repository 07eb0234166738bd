/** Judges a gapless series by its ledger and by what the clients were told: no hole, nothing twice, every value accounted for. */
import type { LedgerRow, Reservation, ReservationState } from '../../../src/core/ledger/ledger-rule.ts';

/** A reservation as its client knows it. `unknown`: it was left to expire. */
export interface KnownReservation {
  readonly id: string;
  readonly number: string;
  readonly outcome: ReservationState | 'unknown';
}

export interface LedgerEvidence {
  readonly rows: readonly LedgerRow[];
  readonly reservations: readonly Reservation[];
  /** Numbers that clients were given for good. */
  readonly issued: readonly string[];
  readonly reserved: readonly KnownReservation[];
}

export interface LedgerVerdict {
  /** What must not be; empty when all is well. */
  readonly findings: readonly string[];
  /** Rows that say `issued`, of which no client knows: the reply was lost with its node. */
  readonly unheard: number;
}

const judgeRows = (rows: readonly LedgerRow[]): string[] => {
  const findings: string[] = [];
  rows.forEach(({ value, state, number }, index) => {
    if (value !== BigInt(index + 1)) findings.push(`hole or double before ${value}`);
    if (state !== 'issued' && state !== 'confirmed') findings.push(`${number} is ${state}, not final`);
  });
  if (new Set(rows.map(({ number }) => number)).size !== rows.length) findings.push('a number is in two rows');
  return findings;
};

/** Takings of one value must follow each other in time. `>`: they are written in milliseconds. */
const judgeHistory = (rows: readonly LedgerRow[], reservations: readonly Reservation[]): string[] => {
  const findings: string[] = [];
  const endedMs = new Map<bigint, number>();
  for (const { value, id, state, reservedAtMs, endedAtMs } of reservations) {
    if (endedAtMs === undefined) findings.push(`reservation ${id} of ${value} is ${state} without an end`);
    if ((endedMs.get(value) ?? 0) > reservedAtMs) findings.push(`${value} was reserved twice at a time`);
    endedMs.set(value, state === 'confirmed' ? Number.POSITIVE_INFINITY : (endedAtMs ?? 0));
  }
  for (const { value, state, takenAtMs } of rows) {
    const before = endedMs.get(value) ?? 0;
    if (state === 'issued' && before > takenAtMs) findings.push(`${value} was issued while it was reserved`);
  }
  return findings;
};

const judgeReservations = ({ rows, reservations, reserved }: LedgerEvidence): string[] => {
  const findings: string[] = [];
  const byId = new Map(reservations.map((reservation) => [reservation.id, reservation]));
  const rowOf = new Map(rows.map((row) => [row.number, row]));
  for (const { id, number, outcome } of reserved) {
    const kept = byId.get(id);
    if (kept === undefined) findings.push(`reservation ${id} of ${number} is not in the ledger`);
    else if (kept.number !== number) findings.push(`reservation ${id} is of ${kept.number}, not of ${number}`);
    else if (outcome !== 'unknown' && kept.state !== outcome)
      findings.push(`${number} was said to be ${outcome}, and is ${kept.state}`);
    const row = rowOf.get(number);
    if (outcome === 'confirmed' && (row?.state !== 'confirmed' || row.reservation !== id)) {
      findings.push(`${number} was confirmed, and its row says ${row?.state}`);
    }
  }
  return findings;
};

export const judgeLedger = (evidence: LedgerEvidence): LedgerVerdict => {
  const { rows, reservations, issued, reserved } = evidence;
  const findings = [...judgeRows(rows), ...judgeHistory(rows, reservations), ...judgeReservations(evidence)];
  const rowOf = new Map(rows.map((row) => [row.number, row]));
  for (const number of issued) {
    const state = rowOf.get(number)?.state;
    if (state !== 'issued') findings.push(`${number} was issued, and its row says ${state}`);
  }
  const final = [...issued, ...reserved.filter(({ outcome }) => outcome === 'confirmed').map(({ number }) => number)];
  if (new Set(final).size !== final.length) findings.push('two clients have the same number');
  const heard = new Set(issued);
  return { findings, unheard: rows.filter(({ state, number }) => state === 'issued' && !heard.has(number)).length };
};
