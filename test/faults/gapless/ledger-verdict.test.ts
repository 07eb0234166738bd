/** The judge of ledgers finds each kind of breach, and nothing where nothing is. */
import { expect, test } from 'vitest';
import type { LedgerRow, Reservation } from '../../../src/core/ledger/ledger-rule.ts';
import { sequenceOf, seriesOf } from '../../../src/core/values/sequence-id.ts';
import { judgeLedger, type LedgerEvidence } from './ledger-verdict.ts';

const row = (value: bigint, more: Partial<LedgerRow> = {}): LedgerRow => ({
  value,
  number: `N${value}`,
  state: 'issued',
  takenAtMs: 1_000,
  changedAtMs: 1_000,
  subject: undefined,
  keyHash: undefined,
  reservation: undefined,
  ...more,
});
const reservation = (value: bigint, id: string, more: Partial<Reservation> = {}): Reservation => ({
  id,
  sequence: sequenceOf(seriesOf('N'), ''),
  value,
  number: `N${value}`,
  state: 'void',
  subject: undefined,
  reservedAtMs: 100,
  expiresAtMs: 900,
  endedAtMs: 500,
  reason: 'no',
  ...more,
});

const SOUND: LedgerEvidence = {
  rows: [row(1n), row(2n, { state: 'confirmed', reservation: 'b' }), row(3n)],
  reservations: [reservation(1n, 'a'), reservation(2n, 'b', { state: 'confirmed' })],
  issued: ['N1'],
  reserved: [
    { id: 'a', number: 'N1', outcome: 'void' },
    { id: 'b', number: 'N2', outcome: 'confirmed' },
  ],
};

test('finds nothing in a sound ledger, and counts what nobody heard of', () => {
  expect(judgeLedger(SOUND)).toEqual({ findings: [], unheard: 1 });
});

test.each<[string, Partial<LedgerEvidence>, string]>([
  ['a hole', { rows: [row(1n), row(3n)], reserved: [] }, 'hole or double before 3'],
  ['a value that is not final', { rows: [...SOUND.rows, row(4n, { state: 'void' })] }, 'N4 is void, not final'],
  ['a number in two rows', { rows: [...SOUND.rows, row(4n, { number: 'N1' })] }, 'a number is in two rows'],
  ['a number given to two', { issued: ['N1', 'N1'] }, 'two clients have the same number'],
  ['a confirmed number issued again', { issued: ['N1', 'N2'] }, 'N2 was issued, and its row says confirmed'],
  ['an issued number without a row', { issued: ['N1', 'N9'] }, 'N9 was issued, and its row says undefined'],
  [
    'a lost reservation',
    { reserved: [...SOUND.reserved, { id: 'c', number: 'N3', outcome: 'unknown' }] },
    'reservation c of N3 is not in the ledger',
  ],
  [
    'a lost confirmation',
    { reserved: [{ id: 'a', number: 'N1', outcome: 'confirmed' }] },
    'N1 was said to be confirmed, and is void',
  ],
  [
    'two reservations of one value at a time',
    { reservations: [...SOUND.reservations, reservation(2n, 'd', { reservedAtMs: 600 })] },
    '2 was reserved twice at a time',
  ],
  [
    'a value issued while it was reserved',
    { rows: [row(1n, { takenAtMs: 400 }), ...SOUND.rows.slice(1)] },
    '1 was issued while it was reserved',
  ],
  [
    'a reservation without an end',
    { reservations: [...SOUND.reservations, reservation(3n, 'e', { state: 'reserved', endedAtMs: undefined })] },
    'reservation e of 3 is reserved without an end',
  ],
])('finds %s', (_name, breach, finding) => {
  expect(judgeLedger({ ...SOUND, ...breach }).findings).toContain(finding);
});
