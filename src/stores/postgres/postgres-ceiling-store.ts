/** Ceilings in PostgreSQL: one statement for what happens all the time, one short transaction for what changes more. */
import { type CeilingEntry, decideRaise, decideRecovery } from '../../core/ceiling/ceiling-rule.ts';
import type {
  Ceiling,
  CeilingRaise,
  CeilingStore,
  RaiseOutcome,
  RecoveryOutcome,
  RecoveryRequest,
  SequenceAccount,
} from '../../core/ceiling/ceiling-store.ts';
import { StorageUnavailableError } from '../../core/errors.ts';
import type { Gap } from '../../core/values/gap.ts';
import { cellsOf, type SequenceId, seriesKeyOf } from '../../core/values/sequence-id.ts';
import { digestOf, encodeGaps, readCeiling, readEntry, readGap } from './ceiling-rows.ts';
import type { PostgresClient, Row, Run } from './postgres-client.ts';
import { loadSql } from './sql-statement.ts';

const SQL = {
  raiseMany: loadSql('raise-ceilings'),
  readMany: loadSql('read-ceilings'),
  lock: loadSql('lock-ceiling'),
  insert: loadSql('insert-ceiling'),
  update: loadSql('update-ceiling'),
  listPeriods: loadSql('list-ceiling-periods'),
  listGaps: loadSql('list-gaps'),
  putGaps: loadSql('put-gaps'),
  removeGaps: loadSql('remove-gaps'),
  listMissing: loadSql('list-missing-nodes'),
  register: loadSql('register-node'),
  leave: loadSql('remove-node'),
  bury: loadSql('bury-nodes'),
  checkHealth: loadSql('check-health'),
};

const firstOf = ({ range }: Gap): string => range.first.toString();

const textOf = (value: bigint | undefined): string | null => value?.toString() ?? null;

const nodeOf = (row: Readonly<Record<string, string | null>>): string => row['node'] ?? '';

const positionOf = (row: Row): number => Number(row['position']) - 1;

const digestOfAccount = (account: SequenceAccount | undefined): string => digestOf(account?.gaps ?? []);

/** Prefix keys and periods, as the statements for many sequences take them. */
const cellsOfMany = (sequences: readonly SequenceId[]): readonly [string[], string[]] => {
  const cells = sequences.map(cellsOf);
  return [cells.map(([prefixKey]) => prefixKey), cells.map(([, period]) => period)];
};

const readCeilings = async (run: Run, sequences: readonly SequenceId[]): Promise<readonly (Ceiling | undefined)[]> => {
  if (sequences.length === 0) return [];
  const rows = await run(SQL.readMany, cellsOfMany(sequences));
  const found = new Map(rows.map((row) => [positionOf(row), readCeiling(row)]));
  return sequences.map((_, index) => found.get(index));
};

/** The usual case. @returns by index the outcomes of those that were raised; nothing was changed of the others. */
const raiseAtOnce = async (run: Run, raises: readonly CeilingRaise[]): Promise<ReadonlyMap<number, RaiseOutcome>> => {
  if (raises.length === 0) return new Map();
  const rows = await run(SQL.raiseMany, [
    ...cellsOfMany(raises.map(({ sequence }) => sequence)),
    raises.map(({ epoch }) => `${epoch}`),
    raises.map(({ known }) => `${known}`),
    raises.map(({ ceiling }) => `${ceiling}`),
    raises.map(({ base }) => `${base}`),
    raises.map(({ account }) => textOf(account?.value)),
    raises.map(({ account }) => account?.changes.toString() ?? null),
    raises.map(({ account }) => (account === undefined ? null : digestOfAccount(account))),
    raises.map(({ account }) => textOf(account?.origin)),
  ]);
  return new Map(rows.map((row) => [positionOf(row), { kind: 'raised', ceiling: BigInt(row['ceiling'] ?? '') }]));
};

const lockEntry = async (run: Run, sequence: SequenceId): Promise<CeilingEntry | undefined> => {
  const [row] = await run(SQL.lock, cellsOf(sequence));
  return row === undefined ? undefined : readEntry(row);
};

/** @param digest of the gaps, when they were replaced. */
const writeEntry = async (
  run: Run,
  sequence: SequenceId,
  { epoch, server, ceiling, base, account, origin }: CeilingEntry,
  digest: string | null,
): Promise<void> => {
  const dates = account === undefined ? [null, null] : [`${account.value}`, `${account.changes}`];
  const entry = [...cellsOf(sequence), `${epoch}`, server, `${ceiling}`, `${base}`];
  await run(SQL.update, [...entry, ...dates, digest, textOf(origin)]);
};

const readAccount = async (
  run: Run,
  sequence: SequenceId,
  { account }: CeilingEntry,
): Promise<SequenceAccount | undefined> =>
  account && { ...account, gaps: (await run(SQL.listGaps, cellsOf(sequence))).map(readGap) };

/**
 * Writes the differences only. They are found here: as one statement it is a nested loop over tables that PostgreSQL takes for
 * small, two seconds for 5,000 gaps.
 */
const replaceGaps = async (run: Run, sequence: SequenceId, gaps: readonly Gap[]): Promise<void> => {
  const stored = new Map((await run(SQL.listGaps, cellsOf(sequence))).map(readGap).map((gap) => [firstOf(gap), gap]));
  // Two of the same first value would be two writes to one row.
  const given = new Map(gaps.map((gap) => [firstOf(gap), gap]));
  const gone = [...stored.keys()].filter((first) => !given.has(first));
  const changed = [...given.values()].filter((gap) => {
    const before = stored.get(firstOf(gap));
    return before === undefined || encodeGaps([before]) !== encodeGaps([gap]);
  });
  if (gone.length > 0) await run(SQL.removeGaps, [...cellsOf(sequence), gone]);
  if (changed.length > 0) await run(SQL.putGaps, [...cellsOf(sequence), encodeGaps(changed)]);
};

/** The gaps are compared under the lock, in a statement of its own: what it sees is what the last writer left. */
const raiseLocked = async (run: Run, raise: CeilingRaise): Promise<RaiseOutcome> => {
  const { sequence, account } = raise;
  const { outcome, entry, replacesAccount } = decideRaise(await lockEntry(run, sequence), raise);
  if (entry === undefined) return outcome;
  if (replacesAccount) await replaceGaps(run, sequence, account?.gaps ?? []);
  await writeEntry(run, sequence, entry, replacesAccount ? digestOfAccount(account) : null);
  return outcome;
};

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

const recoverLocked = async (run: Run, request: RecoveryRequest): Promise<RecoveryOutcome> => {
  const { sequence } = request;
  let entry = await lockEntry(run, sequence);
  if (entry === undefined) {
    const first = decideRecovery(undefined, request, []);
    if (first.kind === 'refused') return first.outcome;
    const { account } = first.entry;
    if (await insertEntry(run, sequence, first.entry)) {
      return { ...first.outcome, account: account && { ...account, gaps: [] } };
    }
    entry = await lockEntry(run, sequence);
  }
  // After the row is locked, in a statement of its own: a node that registered before it read this row is seen here.
  const missing = (await run(SQL.listMissing, [request.reported])).map(nodeOf);
  const decision = decideRecovery(entry, request, missing);
  if (decision.kind === 'refused') return decision.outcome;
  await writeEntry(run, sequence, decision.entry, null);
  return { ...decision.outcome, account: await readAccount(run, sequence, decision.entry) };
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

  readMany: (sequences) => readCeilings(run, sequences),

  raiseMany: async (raises) => {
    const outcomes = await raiseAtOnce(run, raises);
    const answers: RaiseOutcome[] = [];
    for (const [index, raise] of raises.entries()) {
      answers.push(outcomes.get(index) ?? (await transact((runInside) => raiseLocked(runInside, raise))));
    }
    return answers;
  },

  listPeriods: async (series, after, limit) =>
    (await run(SQL.listPeriods, [seriesKeyOf(series), after ?? null, `${limit}`])).map((row) => row['period'] ?? ''),

  recover: (request) => transact((runInside) => recoverLocked(runInside, request)),

  checkHealth: async () => {
    const [row] = await run(SQL.checkHealth, []);
    if (row === undefined) throw new StorageUnavailableError('PostgreSQL is read-only here, as a standby server is.');
  },
});
