/** Counters in the embedded database: one transaction, so one fsync, for all sequences of a call. */
import { setImmediate } from 'node:timers/promises';
import { takeFromCounter } from '../../core/counter.ts';
import { CorruptEntryError } from '../../core/errors.ts';
import type { ReserveOutcome, ReserveRequest, SequenceStore } from '../../core/sequence-store.ts';
import { parseValue } from '../../core/value.ts';
import { type SqliteDatabase, toStorageError } from './sqlite-database.ts';

export const createSqliteSequenceStore = ({ handle, transact }: SqliteDatabase): SequenceStore => {
  const select = handle.prepare('SELECT value FROM sequences WHERE prefix_key = ? AND period = ?');
  // Values are text: SQLite's integers are signed, 2^63 and above would not fit.
  const upsert = handle.prepare(
    'INSERT INTO sequences (prefix_key, period, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
  );

  const take = (request: ReserveRequest): ReserveOutcome => {
    const { prefixKey, period } = request.sequence;
    const row = select.get(prefixKey, period);
    const stored = row === undefined ? undefined : parseValue(String(row['value']));
    if (row !== undefined && stored === undefined) {
      return { kind: 'failed', error: new CorruptEntryError(prefixKey, 'The stored counter is not a value') };
    }
    const outcome = takeFromCounter(stored, request);
    if (outcome.kind === 'taken') upsert.run(prefixKey, period, outcome.range.last.toString());
    return outcome;
  };

  return {
    source: 'sqlite',

    reserve: async (requests) => {
      // The commit blocks the event loop. Waiting for its turn lets the requests of this round be read first, so that
      // they share the next call instead of each paying for a commit.
      await setImmediate();
      return transact(() => requests.map(take));
    },

    checkHealth: async () => {
      try {
        handle.prepare('SELECT 1').get();
      } catch (error) {
        throw toStorageError(error);
      }
    },
  };
};
