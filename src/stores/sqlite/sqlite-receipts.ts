/** Receipts in the embedded database: a table that is written in the transaction that takes the values. */
import type { DatabaseSync } from 'node:sqlite';
import { RECEIPT_TTL_MS, type Receipt } from '../../core/values/receipt.ts';

export interface SqliteReceipts {
  find(hash: string): Receipt | undefined;
  /** Writes a receipt in the place of an expired one, and deletes some others that have expired. */
  keep(hash: string, receipt: Receipt): void;
}

/** More than one, so that they become fewer; and so few that no request waits for it. */
const EXPIRED_MAX = 10;

const RANGE = /^(\d+)-(\d+)$/;

const readRange = (text: string): { first: bigint; last: bigint } => {
  const [, first = '', last = ''] = RANGE.exec(text) ?? [];
  return { first: BigInt(first), last: BigInt(last) };
};

export const createSqliteReceipts = (handle: DatabaseSync): SqliteReceipts => {
  const select = handle.prepare('SELECT * FROM receipts WHERE hash = ?');
  const upsert = handle.prepare(
    'INSERT OR REPLACE INTO receipts (hash, fingerprint, at_ms, period, ranges, series) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const removeExpired = handle.prepare(
    'DELETE FROM receipts WHERE hash IN (SELECT hash FROM receipts WHERE at_ms <= ? ORDER BY at_ms LIMIT ?)',
  );
  return {
    find: (hash) => {
      const row = select.get(hash);
      return (
        row && {
          fingerprint: String(row['fingerprint']),
          atMs: Number(row['at_ms']),
          period: String(row['period']),
          ranges: String(row['ranges']).split(' ').map(readRange),
          series: String(row['series']),
        }
      );
    },
    keep: (hash, { fingerprint, atMs, period, ranges, series }) => {
      removeExpired.run(atMs - RECEIPT_TTL_MS, EXPIRED_MAX);
      const text = ranges.map(({ first, last }) => `${first}-${last}`).join(' ');
      upsert.run(hash, fingerprint, atMs, period, text, series);
    },
  };
};
