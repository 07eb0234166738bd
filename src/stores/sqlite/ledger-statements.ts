/** The statements of the embedded ledger, and its rows as what the rules work with. */
import type { DatabaseSync } from 'node:sqlite';
import type { LedgerRow, LedgerState, Reservation, ReservationState } from '../../core/ledger/ledger-rule.ts';
import { readColumns } from '../../core/values/sequence-id.ts';
import { type Cells, optional, prepareList } from './cells.ts';

const LEDGER_COLUMNS = `ledger.value, NULL AS last, number, state, free_at_ms, taken_at_ms, changed_at_ms, subject, key_hash, reservation,
  NULL AS reason, ledger.value <= floor`;
// Values up to there are never handed out again. Without a row there is no floor.
const FLOOR = "(SELECT coalesce(max(floor), '') AS floor FROM ledger_floors WHERE prefix_key = ?1 AND period = ?2)";
const LOST_COLUMNS =
  "first_value, last_value, '', 'lost', NULL, lost_at_ms, lost_at_ms, subject, NULL, NULL, reason, 1";

/** What was reserved and is past its time counts as void; what is void and not handed out again, as lost. */
const stateOf = (state: string, isExpired: boolean, isBelowFloor: boolean): LedgerState => {
  const now = isExpired ? 'void' : state;
  return (now === 'void' && isBelowFloor ? 'lost' : now) as LedgerState;
};

export const readLedgerRow = (cells: Cells, nowMs: number): LedgerRow => {
  const [value, last, number, state, freeAt, takenAtMs, changedAtMs, subject, keyHash, reservation, reason, below] =
    cells;
  const freeAtMs = Number(freeAt);
  const expired = state === 'reserved' && freeAtMs <= nowMs;
  return {
    value: BigInt(String(value)),
    ...(last !== null && { last: BigInt(String(last)), reason: String(reason) }),
    number: String(number),
    state: stateOf(String(state), expired, below === 1),
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
    sequence: readColumns({ prefixKey: String(prefixKey), period: String(period) }),
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
    `SELECT value FROM ledger, ${FLOOR} WHERE prefix_key = ?1 AND period = ?2 AND free_at_ms <= ?3 AND value > floor
     ORDER BY value LIMIT ?4`,
  ),
  countFree: handle.prepare(
    `SELECT count(*) AS free, min(value) AS lowest FROM ledger, ${FLOOR}
     WHERE prefix_key = ?1 AND period = ?2 AND free_at_ms <= ?3 AND value > floor AND value <= ?4`,
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
  countHeld: handle.prepare('SELECT count(*) AS held FROM reservation_holders WHERE holder = ? AND expires_at_ms > ?'),
  /** A few whose time is over: more than one, so that they become fewer. */
  dropHeld: handle.prepare(
    `DELETE FROM reservation_holders WHERE id IN (
       SELECT id FROM reservation_holders WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT 10
     )`,
  ),
  hold: handle.prepare('INSERT INTO reservation_holders (id, holder, expires_at_ms) VALUES (?, ?, ?)'),
  release: handle.prepare('DELETE FROM reservation_holders WHERE id = ?'),
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
    `SELECT ${LEDGER_COLUMNS} FROM ledger, ${FLOOR} WHERE prefix_key = ?1 AND period = ?2 AND value > ?3
     UNION ALL SELECT ${LOST_COLUMNS} FROM ledger_lost WHERE prefix_key = ?1 AND period = ?2 AND first_value > ?3
     ORDER BY 1 LIMIT ?4`,
  ),
  listLost: prepareList(
    handle,
    `SELECT ${LEDGER_COLUMNS} FROM ledger, ${FLOOR}
     WHERE prefix_key = ?1 AND period = ?2 AND value > ?3 AND value <= floor AND free_at_ms <= ?5
     UNION ALL SELECT ${LOST_COLUMNS} FROM ledger_lost WHERE prefix_key = ?1 AND period = ?2 AND first_value > ?3
     ORDER BY 1 LIMIT ?4`,
  ),
  findRow: prepareList(
    handle,
    `SELECT ${LEDGER_COLUMNS} FROM ledger, ${FLOOR} WHERE prefix_key = ?1 AND period = ?2 AND value = ?3
     UNION ALL SELECT ${LOST_COLUMNS} FROM ledger_lost
     WHERE prefix_key = ?1 AND period = ?2 AND first_value <= ?3 AND last_value >= ?3`,
  ),
  putLost: handle.prepare('INSERT INTO ledger_lost VALUES (?, ?, ?, ?, ?, ?, ?)'),
  putFloor: handle.prepare(
    'INSERT INTO ledger_floors VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET floor = excluded.floor',
  ),
  listReservations: prepareList(
    handle,
    `SELECT ${RESERVATION_COLUMNS} FROM reservations
     WHERE prefix_key = ? AND period = ? AND (value, reserved_at_ms, id) > (?, ?, ?)
     ORDER BY value, reserved_at_ms, id LIMIT ?`,
  ),
  check: handle.prepare('SELECT 1'),
});
