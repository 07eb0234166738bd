/** The statements of the embedded ledger, and its rows as what the rules work with. Values are text of 20 digits: SQLite's integers are signed, and their order is that of the texts. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { LedgerRow, LedgerState, Reservation, ReservationState } from '../../core/ledger.ts';

export type SqliteRow = ReturnType<StatementSync['all']>[number];

export const wide = (value: bigint): string => value.toString().padStart(20, '0');

const optional = (value: unknown): string | undefined => (value === null ? undefined : String(value));

/** What was reserved and is past its time counts as void. */
export const readLedgerRow = (row: SqliteRow, nowMs: number): LedgerRow => {
  const freeAtMs = Number(row['free_at_ms']);
  const expired = row['state'] === 'reserved' && freeAtMs <= nowMs;
  return {
    value: BigInt(String(row['value'])),
    number: String(row['number']),
    state: expired ? 'void' : (String(row['state']) as LedgerState),
    takenAtMs: Number(row['taken_at_ms']),
    changedAtMs: expired ? freeAtMs : Number(row['changed_at_ms']),
    subject: optional(row['subject']),
    keyHash: optional(row['key_hash']),
    reservation: optional(row['reservation']),
  };
};

/** Past its time it is expired, though nobody has taken its value again. */
export const readReservation = (row: SqliteRow, nowMs: number): Reservation => {
  const expiresAtMs = Number(row['expires_at_ms']);
  const expired = row['state'] === 'reserved' && expiresAtMs <= nowMs;
  const ended = row['ended_at_ms'] === null ? undefined : Number(row['ended_at_ms']);
  return {
    id: String(row['id']),
    prefixKey: String(row['prefix_key']),
    period: String(row['period']),
    value: BigInt(String(row['value'])),
    number: String(row['number']),
    state: expired ? 'expired' : (String(row['state']) as ReservationState),
    subject: optional(row['subject']),
    reservedAtMs: Number(row['reserved_at_ms']),
    expiresAtMs,
    endedAtMs: expired ? expiresAtMs : ended,
    reason: optional(row['reason']),
  };
};

/** Prepares all statements; which is why it is done once. */
export const prepareLedgerStatements = (handle: DatabaseSync) => ({
  readSequence: handle.prepare('SELECT value FROM ledger_sequences WHERE prefix_key = ? AND period = ?'),
  putSequence: handle.prepare(
    'INSERT INTO ledger_sequences VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
  ),
  listFree: handle.prepare(
    'SELECT value FROM ledger WHERE prefix_key = ? AND period = ? AND free_at_ms <= ? ORDER BY value LIMIT ?',
  ),
  countFree: handle.prepare(
    'SELECT count(*) AS free, min(value) AS lowest FROM ledger WHERE prefix_key = ? AND period = ? AND free_at_ms <= ?',
  ),
  putRow: handle.prepare('INSERT OR REPLACE INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
  /** Of the value's reservation that is past its time. */
  expire: handle.prepare(`
    UPDATE reservations SET state = 'expired', ended_at_ms = expires_at_ms
    WHERE state = 'reserved' AND id = (SELECT reservation FROM ledger WHERE prefix_key = ? AND period = ? AND value = ?)`),
  reserve: handle.prepare("INSERT INTO reservations VALUES (?, ?, ?, ?, ?, 'reserved', ?, ?, ?, NULL, NULL)"),
  findReservation: handle.prepare('SELECT * FROM reservations WHERE id = ?'),
  endReservation: handle.prepare('UPDATE reservations SET state = ?, ended_at_ms = ?, reason = ? WHERE id = ?'),
  endRow: handle.prepare(
    'UPDATE ledger SET state = ?, free_at_ms = ?, changed_at_ms = ? WHERE prefix_key = ? AND period = ? AND value = ?',
  ),
  listPeriods: handle.prepare(
    'SELECT period FROM ledger_sequences WHERE prefix_key = ? AND (? IS NULL OR period > ?) ORDER BY period LIMIT ?',
  ),
  listRows: handle.prepare(
    'SELECT * FROM ledger WHERE prefix_key = ? AND period = ? AND value > ? ORDER BY value LIMIT ?',
  ),
  listReservations: handle.prepare(`
    SELECT * FROM reservations WHERE prefix_key = ? AND period = ? AND (value, reserved_at_ms, id) > (?, ?, ?)
    ORDER BY value, reserved_at_ms, id LIMIT ?`),
  check: handle.prepare('SELECT 1'),
});
