/** Ceilings in PostgreSQL, and the nodes that are registered there. */
import { type CeilingEntry, decideRecovery, RECENT_MS } from '../../core/ceiling/ceiling-rule.ts';
import type {
  CeilingStore,
  RecoveryOutcome,
  RecoveryRequest,
  SequenceAccount,
} from '../../core/ceiling/ceiling-store.ts';
import { StorageUnavailableError } from '../../core/errors.ts';
import type { Closure } from '../../core/values/closure.ts';
import { cellsOf, type SequenceId, seriesKeyOf } from '../../core/values/sequence-id.ts';
import { listGaps, lockEntries, readCeilings, textOf, writeEntries } from './ceiling-entries.ts';
import { raiseCeilings } from './ceiling-raising.ts';
import { digestOf } from './ceiling-rows.ts';
import type { PostgresClient, Run } from './postgres-client.ts';
import { loadSql } from './sql-statement.ts';

const SQL = {
  insert: loadSql('insert-ceiling'),
  listPeriods: loadSql('list-ceiling-periods'),
  listMissing: loadSql('list-missing-nodes'),
  register: loadSql('register-node'),
  leave: loadSql('remove-node'),
  bury: loadSql('bury-nodes'),
  putClosure: loadSql('put-closure'),
  findClosure: loadSql('find-closure'),
  checkHealth: loadSql('check-health'),
};

const nodeOf = (row: Readonly<Record<string, string | null>>): string => row['node'] ?? '';

const lockEntry = async (run: Run, sequence: SequenceId): Promise<CeilingEntry | undefined> =>
  (await lockEntries(run, [sequence]))[0];

const readAccount = async (
  run: Run,
  sequence: SequenceId,
  { account }: CeilingEntry,
): Promise<SequenceAccount | undefined> => account && { ...account, gaps: (await listGaps(run, [sequence]))[0] ?? [] };

/** @returns false when somebody else was first. */
const insertEntry = async (
  run: Run,
  sequence: SequenceId,
  { epoch, server, ceiling, base, account, origin }: CeilingEntry,
): Promise<boolean> => {
  const dates = account === undefined ? [null, null, null] : [`${account.value}`, `${account.changes}`, digestOf([])];
  const entry = [...cellsOf(sequence), `${epoch}`, server, `${ceiling}`, `${base}`];
  const rows = await run(SQL.insert, [...entry, ...dates, textOf(origin)]);
  return rows.length === 1;
};

const findClosure = async (run: Run, sequence: SequenceId): Promise<Closure | undefined> => {
  const [row] = await run(SQL.findClosure, [...cellsOf(sequence)]);
  // The only writer is this service.
  return row === undefined ? undefined : (JSON.parse(row['closure'] ?? '') as Closure);
};

/** After the row is locked: a closure that comes later is written where counting has gone on by then. */
const withClosure = async <Outcome extends object>(run: Run, sequence: SequenceId, outcome: Outcome) => {
  const closure = await findClosure(run, sequence);
  return closure === undefined ? outcome : { ...outcome, closure };
};

const recoverLocked = async (run: Run, request: RecoveryRequest): Promise<RecoveryOutcome> => {
  const { sequence } = request;
  let entry = await lockEntry(run, sequence);
  if (entry === undefined) {
    const first = decideRecovery(undefined, request, []);
    if (first.kind === 'refused') return first.outcome;
    const { account } = first.entry;
    if (await insertEntry(run, sequence, first.entry)) {
      return withClosure(run, sequence, { ...first.outcome, account: account && { ...account, gaps: [] } });
    }
    entry = await lockEntry(run, sequence);
  }
  // After the row is locked, in a statement of its own: a node that registered before it read this row is seen here.
  const missing = (await run(SQL.listMissing, [request.reported, `${RECENT_MS}`])).map((row) => ({
    node: nodeOf(row),
    isRecent: row['recent'] === 't',
    rejoins: row['rejoins'] === 't',
  }));
  const decision = decideRecovery(entry, request, missing);
  if (decision.kind === 'refused') return decision.outcome;
  await writeEntries(run, [{ sequence, entry: decision.entry, digest: null }]);
  const account = await readAccount(run, sequence, decision.entry);
  return withClosure(run, sequence, { ...decision.outcome, account });
};

export const createPostgresCeilingStore = ({ run, transact }: PostgresClient): CeilingStore => ({
  register: async (node) => {
    await run(SQL.register, [node]);
  },

  leave: async (node) => {
    await run(SQL.leave, [node]);
  },

  bury: async () => (await run(SQL.bury, [])).map(nodeOf),

  read: async (sequence) => (await readCeilings(run, [sequence]))[0],

  readMany: (sequences, node) => readCeilings(run, sequences, node),

  raiseMany: (raises) => raiseCeilings({ run, transact }, raises),

  listPeriods: async (series, after, limit) =>
    (await run(SQL.listPeriods, [seriesKeyOf(series), after ?? null, `${limit}`])).map((row) => row['period'] ?? ''),

  close: (sequence, closure) =>
    transact(async (runInside) => {
      // No recovery is granted meanwhile.
      await lockEntry(runInside, sequence);
      await runInside(SQL.putClosure, [...cellsOf(sequence), JSON.stringify(closure)]);
      return (await findClosure(runInside, sequence)) ?? closure;
    }),

  recover: (request) => transact((runInside) => recoverLocked(runInside, request)),

  checkHealth: async () => {
    const [row] = await run(SQL.checkHealth, []);
    if (row === undefined) throw new StorageUnavailableError('PostgreSQL is read-only here, as a standby server is.');
  },
});
