/** The statements of the embedded ledger, and its rows as what the rules work with. */
import type { DatabaseSync } from 'node:sqlite';
import type { LedgerRow, LedgerState, Reservation, ReservationState } from '../../core/ledger.ts';
import { type Cells, optional, prepareList } from './cells.ts';

const LEDGER_COLUMNS = 'value, number, state, free_at_ms, taken_at_ms, changed_at_ms, subject, key_hash, reservation';

/** What was reserved and is past its time counts as void. */
export const readLedgerRow = (cells: Cells, nowMs: number): LedgerRow => {
  const [value, number, state, freeAt, takenAtMs, changedAtMs, subject, keyHash, reservation] = cells;
  const freeAtMs = Number(freeAt);
  const expired = state === 'reserved' && freeAtMs <= nowMs;
  return {
    value: BigInt(String(value)),
    number: String(number),
    state: expired ? 'void' : (String(state) as LedgerState),
    takenAtMs: Number(takenAtMs),
    changedAtMs: expired ? freeAtMs : Number(changedAtMs),
    subject: optional(subject),
    keyHash: optional(keyHash),
    reservation: optional(reservation),
  };
};

const RESERVATION_COLUMNS =
  'id, prefix_key, period, value, number, state, subject, reserved_at_ms, expires_at_ms, ended_at_ms, reason';

/** Past its time it is expired, though nobody has taken its value again. */
export const readReservation = (cells: Cells, nowMs: number): Reservation => {
  const [id, prefixKey, period, value, number, state, subject, reservedAtMs, expiresAt, endedAt, reason] = cells;
  const expiresAtMs = Number(expiresAt);
  const expired = state === 'reserved' && expiresAtMs <= nowMs;
  const ended = endedAt === null ? undefined : Number(endedAt);
  return {
    id: String(id),
    prefixKey: String(prefixKey),
    period: String(period),
    value: BigInt(String(value)),
    number: String(number),
    state: expired ? 'expired' : (String(state) as ReservationState),
    subject: optional(subject),
    reservedAtMs: Number(reservedAtMs),
    expiresAtMs,
    endedAtMs: expired ? expiresAtMs : ended,
    reason: optional(reason),
  };
};

/** Prepares all statements; which is why it is done once. */
export const prepareLedgerStatements = (handle: DatabaseSync) => ({
  readSequence: handle.prepare('SELECT value FROM ledger_sequences WHERE prefix_key = ? AND period = ?'),
  putSequence: handle.prepare(
    'INSERT INTO ledger_sequences (prefix_key, period, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
  ),
  listFree: prepareList(
    handle,
    'SELECT value FROM ledger WHERE prefix_key = ? AND period = ? AND free_at_ms <= ? ORDER BY value LIMIT ?',
  ),
  countFree: handle.prepare(
    'SELECT count(*) AS free, min(value) AS lowest FROM ledger WHERE prefix_key = ? AND period = ? AND free_at_ms <= ?',
  ),
  putRow: handle.prepare(
    `INSERT OR REPLACE INTO ledger (
       prefix_key, period, value, number, state, free_at_ms, taken_at_ms, changed_at_ms, subject, key_hash, reservation
     ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ),
  /** Of the value's reservation that is past its time. */
  expire: handle.prepare(`
    UPDATE reservations SET state = 'expired', ended_at_ms = expires_at_ms
    WHERE state = 'reserved' AND id = (SELECT reservation FROM ledger WHERE prefix_key = ? AND period = ? AND value = ?)`),
  reserve: handle.prepare(
    `INSERT INTO reservations (id, prefix_key, period, value, number, state, subject, reserved_at_ms, expires_at_ms)
     VALUES (?, ?, ?, ?, ?, 'reserved', ?, ?, ?)`,
  ),
  findReservation: prepareList(handle, `SELECT ${RESERVATION_COLUMNS} FROM reservations WHERE id = ?`),
  endReservation: handle.prepare('UPDATE reservations SET state = ?, ended_at_ms = ?, reason = ? WHERE id = ?'),
  endRow: handle.prepare(
    'UPDATE ledger SET state = ?, free_at_ms = ?, changed_at_ms = ? WHERE prefix_key = ? AND period = ? AND value = ?',
  ),
  listPeriods: prepareList(
    handle,
    'SELECT period FROM ledger_sequences WHERE prefix_key = ? AND (? IS NULL OR period > ?) ORDER BY period LIMIT ?',
  ),
  listRows: prepareList(
    handle,
    `SELECT ${LEDGER_COLUMNS} FROM ledger WHERE prefix_key = ? AND period = ? AND value > ? ORDER BY value LIMIT ?`,
  ),
  listReservations: prepareList(
    handle,
    `SELECT ${RESERVATION_COLUMNS} FROM reservations
     WHERE prefix_key = ? AND period = ? AND (value, reserved_at_ms, id) > (?, ?, ?)
     ORDER BY value, reserved_at_ms, id LIMIT ?`,
  ),
  check: handle.prepare('SELECT 1'),
});
