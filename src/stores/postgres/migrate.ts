/**
 * Brings the tables up to date when a node starts. Of our own: node-pg-migrate gives up when another node holds its lock
 * (pg_try_advisory_lock), postgres-migrations waits but is no longer kept, and what is needed is this page.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

/** Runs one statement of the migrations' transaction; without values, it may be several. */
export type RunMigration = (
  text: string,
  values?: readonly unknown[],
) => Promise<readonly Readonly<Record<string, string | null>>[]>;

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/** Any number that no other user of the database locks; the same in all versions. */
const LOCK = '7310305170234961';
const FOLDER = new URL('migrations/', import.meta.url);

const loadMigrations = (): readonly Migration[] =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => {
      const sql = readFileSync(new URL(name, FOLDER), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    });

const readApplied = async (run: RunMigration): Promise<ReadonlyMap<string | null, string | null>> => {
  // Asked first: CREATE … IF NOT EXISTS needs rights that a service on tables made by somebody else does not have.
  const [row] = await run("SELECT to_regclass('number_generator_migrations') AS name");
  if (row?.['name'] === null) {
    await run(
      'CREATE TABLE number_generator_migrations (name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())',
    );
  }
  const rows = await run('SELECT name, checksum FROM number_generator_migrations');
  return new Map(rows.map(({ name = null, checksum = null }) => [name, checksum]));
};

/**
 * Applies what is missing, in the order of the names. To be run in a transaction of its own: the lock, for which nodes
 * that start together wait, ends with it, and so do all traces of a migration that fails.
 * @throws Error when a file was changed after it had been applied. Migrations of a newer version are let be.
 */
export const migrate = async (run: RunMigration): Promise<void> => {
  await run('SELECT pg_advisory_xact_lock($1)', [LOCK]);
  const applied = await readApplied(run);
  for (const { name, sql, checksum } of loadMigrations()) {
    const before = applied.get(name);
    if (before === checksum) continue;
    if (before !== undefined) throw new Error(`The migration ${name} is not the one that was applied to this database`);
    await run(sql);
    await run('INSERT INTO number_generator_migrations (name, checksum) VALUES ($1, $2)', [name, checksum]);
  }
};
