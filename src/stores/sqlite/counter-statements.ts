/** The statements of the counters in the embedded database. */
import type { DatabaseSync } from 'node:sqlite';
import { prepareList } from './cells.ts';

export const prepareCounterStatements = (handle: DatabaseSync) => ({
  select: handle.prepare('SELECT value FROM sequences WHERE prefix_key = ? AND period = ?'),
  selectOrigin: handle.prepare('SELECT origin FROM sequences WHERE prefix_key = ? AND period = ?'),
  // Values are text: SQLite's integers are signed, 2^63 and above would not fit.
  upsert: handle.prepare(
    `INSERT INTO sequences (prefix_key, period, value, origin) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET value = excluded.value`,
  ),
  insertGap: handle.prepare(
    `INSERT INTO gaps (prefix_key, period, first_value, last_value, reason, node, recorded_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  ),
  // The width makes the order of the texts the order of the values.
  selectGaps: prepareList(
    handle,
    `SELECT first_value, last_value, reason, node, recorded_at_ms FROM gaps
     WHERE prefix_key = ? AND period = ? AND first_value > ? ORDER BY first_value LIMIT ?`,
  ),
  selectPeriods: prepareList(
    handle,
    'SELECT period FROM sequences WHERE prefix_key = ? AND (? IS NULL OR period > ?) ORDER BY period LIMIT ?',
  ),
  countGaps: handle.prepare('SELECT count(*) AS entries FROM gaps WHERE prefix_key = ? AND period = ?'),
  selectClosure: handle.prepare('SELECT * FROM closed_periods WHERE prefix_key = ? AND period = ?'),
  insertClosure: handle.prepare(
    `INSERT INTO closed_periods (prefix_key, period, reason, closed_at_ms, subject, request_id)
     VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  ),
});
