/** Whether the embedded database takes writes: what the last one met, or a trial when there was none for a while. */
import type { SqliteDatabase } from './sqlite-database.ts';

/** How long the outcome of a write counts: /health tries one write in this time, however often it is called. */
const OUTCOME_MAX_AGE_MS = 1_000;
/** Fills a page: a full disk still takes a transaction that changes next to nothing. */
const PADDING_BYTES = 3_900;

/** @returns `checkHealth` of CounterStore. */
export const createSqliteProbe = ({
  handle,
  write,
  flush,
  lastOutcome,
}: Pick<SqliteDatabase, 'handle' | 'write' | 'flush' | 'lastOutcome'>): (() => Promise<void>) => {
  // Random, because a page that stays the same may not be written.
  const update = handle.prepare(
    'INSERT INTO probes (id, padding) VALUES (1, randomblob(?)) ON CONFLICT (id) DO UPDATE SET padding = excluded.padding',
  );
  let underWay: Promise<void> | undefined;

  const tryWrite = async (): Promise<void> => {
    write(() => update.run(PADDING_BYTES));
    await flush();
  };

  return async () => {
    const { atMs, error } = lastOutcome();
    if (performance.now() - atMs < OUTCOME_MAX_AGE_MS) {
      if (error !== undefined) throw error;
      return;
    }
    underWay ??= tryWrite().finally(() => {
      underWay = undefined;
    });
    await underWay;
  };
};
