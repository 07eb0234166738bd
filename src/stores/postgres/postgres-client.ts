/** The connections to PostgreSQL: few, each step with a limit, everything read as text, and nothing that can crash the process. */
import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool, type PoolClient } from 'pg';
import { StorageUnavailableError, StorePreparingError } from '../../core/errors.ts';
import type { Emit } from '../../core/events/events.ts';
import { migrate } from './migrate.ts';
import { isAnswer, isPassing, isTableMissing, isWaitForConnection, toStorageError } from './postgres-errors.ts';
import { remedyOfPostgresFailure } from './postgres-trouble.ts';
import type { SqlStatement } from './sql-statement.ts';

/** A column is what PostgreSQL writes it as: a value of 20 digits stays exact. */
export type Row = Readonly<Record<string, string | null>>;

type Parameter = string | null | readonly (string | null)[];
export type Run = (statement: SqlStatement, values: readonly Parameter[]) => Promise<readonly Row[]>;

export interface PostgresClient {
  /** Runs one statement; durable when it resolves. @throws StorageUnavailableError, StorageTimeoutError */
  readonly run: Run;
  /** Runs `work` in one transaction, once more when it met a deadlock; durable when it resolves. @throws like `run` */
  transact<T>(work: (run: Run) => Promise<T>): Promise<T>;
  /** Resolves when all connections are closed; a silent server delays it a little. */
  close(): Promise<void>;
}

/** Commits of many sequences share the server's fsync; more connections gain nothing and the server has about a hundred. */
const CONNECTIONS_MAX = 8;
const WAITING_MAX = 10_000;
const ATTEMPTS_MAX = 4;
const RETRY_MS = 20;
/** The server's own limit must win against this end's, which costs the connection. */
const ANSWER_MARGIN_MS = 250;
const MIGRATION_TIMEOUT_MS = 60_000;
const CLOSE_TIMEOUT_MS = 200;
const IDLE_MAX_MS = 60_000;
const READ_AS_TEXT = { getTypeParser: () => (text: string) => text };

// By a statement, not by parameters of the connection: connection poolers refuse those. A server set to answer before the
// commit is on the disk would break the promise of this store. Every statement looks rows up by an index, a call's worth of them: a plan
// that was made, and kept, while a table was all but empty would go on reading the whole table until statistics are gathered.
const SESSION = `
  SELECT set_config('statement_timeout', $1, false), set_config('lock_timeout', $1, false),
         set_config('idle_in_transaction_session_timeout', $2, false),
         set_config('default_transaction_isolation', 'read committed', false),
         set_config('synchronous_commit', CASE current_setting('synchronous_commit')
           WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
         set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false),
         set_config('enable_mergejoin', 'off', false)`;

const createPool = (url: string, timeoutMs: number, sockets: Set<Socket>): Pool => {
  const pool = new Pool({
    connectionString: url,
    application_name: 'number-generator',
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: timeoutMs,
    idleTimeoutMillis: IDLE_MAX_MS,
    query_timeout: timeoutMs + ANSWER_MARGIN_MS,
    keepAlive: true,
    types: READ_AS_TEXT,
    stream: () => {
      const socket = new Socket();
      sockets.add(socket);
      return socket.once('close', () => sockets.delete(socket));
    },
    // A node that stops in the middle of a transaction gives its locks back after this long. It may wait for Redis there.
    onConnect: (client) => client.query(SESSION, [`${timeoutMs}ms`, `${5 * timeoutMs}ms`]),
  });
  // Without listeners, a connection that is lost while nobody waits for an answer ends the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
};

/** Emits the first loss and each return, and nothing for attempts in between. */
const createReporter = (emit: Emit): { up(): void; down(error: unknown): void } => {
  let reported: 'unknown' | 'up' | 'down' = 'unknown';
  return {
    up: () => {
      if (reported !== 'up') emit({ type: 'ceiling-store-connected' });
      reported = 'up';
    },
    down: (error) => {
      if (reported !== 'down') {
        const reason = error instanceof Error ? error.message : String(error);
        emit({ type: 'ceiling-store-disconnected', reason, remedy: remedyOfPostgresFailure(error) });
      }
      reported = 'down';
    },
  };
};

const runOn =
  (client: PoolClient): Run =>
  async ({ name, text }, values) =>
    (await client.query<Row>({ name, text, values: [...values] })).rows;

const inTransaction = async <T>(client: PoolClient, work: (run: Run) => Promise<T>): Promise<T> => {
  await client.query('BEGIN');
  try {
    const result = await work(runOn(client));
    await client.query('COMMIT');
    return result;
  } catch (error) {
    if (isAnswer(error)) await client.query('ROLLBACK');
    throw error;
  }
};

const migrateOn = (client: PoolClient): Promise<void> =>
  inTransaction(client, async () => {
    await client.query(`SET LOCAL statement_timeout = ${MIGRATION_TIMEOUT_MS}`);
    await client.query(`SET LOCAL lock_timeout = ${MIGRATION_TIMEOUT_MS}`);
    await migrate(async (text, values) => {
      const query = { text, query_timeout: MIGRATION_TIMEOUT_MS + ANSWER_MARGIN_MS };
      // With values it is another protocol, which takes one statement only.
      return (await client.query<Row>(values === undefined ? query : { ...query, values: [...values] })).rows;
    });
  });

/** Gives `work` as long as a statement may take; it goes on afterwards. */
const within = async (work: Promise<void>, timeoutMs: number): Promise<void> => {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new StorePreparingError('PostgreSQL is being prepared.')), timeoutMs);
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
};

/**
 * Connects when it is first used, brings the tables up to date before anything else, and connects anew whenever needed.
 * @param timeoutMs how long a connection, a statement and a lock may each take.
 */
export const createPostgresClient = (url: string, timeoutMs: number, emit: Emit): PostgresClient => {
  const sockets = new Set<Socket>();
  const pool = createPool(url, timeoutMs, sockets);
  const reporter = createReporter(emit);
  pool.on('error', reporter.down);
  let migrated: Promise<void> | undefined;

  const acquire = async (): Promise<PoolClient> => {
    if (pool.waitingCount >= WAITING_MAX) throw new StorageUnavailableError('Too many calls wait for PostgreSQL.');
    try {
      return await pool.connect();
    } catch (error) {
      // All connections busy is no news about the server.
      if (!isWaitForConnection(error)) reporter.down(error);
      throw error;
    }
  };

  const withConnection = async <T>(work: (client: PoolClient) => Promise<T>): Promise<T> => {
    const client = await acquire();
    try {
      const result = await work(client);
      client.release();
      reporter.up();
      return result;
    } catch (error) {
      client.release(!isAnswer(error));
      if (!isAnswer(error)) reporter.down(error);
      throw error;
    }
  };

  const prepare = (): Promise<void> => {
    migrated ??= withConnection(migrateOn).catch((error: unknown) => {
      migrated = undefined;
      reporter.down(error);
      throw error;
    });
    return migrated;
  };

  const attempt = async <T>(work: (client: PoolClient) => Promise<T>): Promise<T> => {
    try {
      await within(prepare(), timeoutMs);
      for (let count = 1; ; count += 1) {
        try {
          return await withConnection(work);
        } catch (error) {
          if (!isPassing(error) || count === ATTEMPTS_MAX) throw error;
          // Whoever it met holds what it needs next, and must come first.
          await delay(count * RETRY_MS);
        }
      }
    } catch (error) {
      if (isTableMissing(error)) migrated = undefined;
      throw toStorageError(error);
    }
  };

  return {
    run: (statement, values) => attempt((client) => runOn(client)(statement, values)),
    transact: (work) => attempt((client) => inTransaction(client, work)),
    close: async () => {
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, CLOSE_TIMEOUT_MS);
      await pool.end();
      clearTimeout(timer);
    },
  };
};
