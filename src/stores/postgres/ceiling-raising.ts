/** Raises ceilings in PostgreSQL: one statement for what happens all the time, short transactions for what changes more. */
import { decideRaise } from '../../core/ceiling/ceiling-rule.ts';
import type { CeilingRaise, RaiseOutcome, SequenceAccount } from '../../core/ceiling/ceiling-store.ts';
import type { Gap } from '../../core/values/gap.ts';
import { type SequenceId, sequenceKeyOf } from '../../core/values/sequence-id.ts';
import {
  cellsOfMany,
  listGaps,
  lockEntries,
  positionOf,
  textOf,
  type WrittenEntry,
  writeEntries,
} from './ceiling-entries.ts';
import { digestOf, encodeGap, encodePlacedGaps, type PlacedGap } from './ceiling-rows.ts';
import type { PostgresClient, Run } from './postgres-client.ts';
import { loadSql } from './sql-statement.ts';

const SQL = {
  raise: loadSql('raise-ceilings'),
  putGaps: loadSql('put-gaps'),
  removeGaps: loadSql('remove-gaps'),
};

/** Gaps that one transaction replaces, so that each of its statements ends in time; one account may have more. */
const GAPS_MAX = 5_000;

interface Replacement {
  readonly sequence: SequenceId;
  readonly gaps: readonly Gap[];
}

const firstOf = ({ range }: Gap): string => range.first.toString();

const digestOfAccount = (account: SequenceAccount | undefined): string => digestOf(account?.gaps ?? []);

/** The usual case. @returns by index the outcomes of those that were raised; nothing was changed of the others. */
const raiseAtOnce = async (run: Run, raises: readonly CeilingRaise[]): Promise<Map<number, RaiseOutcome>> => {
  const rows = await run(SQL.raise, [
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

/**
 * Writes the differences only. They are found here: as one statement it is a nested loop over tables that PostgreSQL takes for
 * small, two seconds for 5,000 gaps.
 */
const replaceGaps = async (run: Run, replacements: readonly Replacement[]): Promise<void> => {
  const sequences = replacements.map(({ sequence }) => sequence);
  const stored = await listGaps(run, sequences);
  const gone: { readonly sequence: SequenceId; readonly first: string }[] = [];
  const changed: PlacedGap[] = [];
  for (const [index, { sequence, gaps }] of replacements.entries()) {
    const before = new Map(stored[index]?.map((gap) => [firstOf(gap), encodeGap(gap)]));
    // Two of the same first value would be two writes to one row.
    const given = new Map(gaps.map((gap) => [firstOf(gap), gap]));
    for (const first of before.keys()) if (!given.has(first)) gone.push({ sequence, first });
    for (const [first, gap] of given) if (before.get(first) !== encodeGap(gap)) changed.push({ index, gap });
  }
  if (gone.length > 0) {
    const cells = cellsOfMany(gone.map(({ sequence }) => sequence));
    await run(SQL.removeGaps, [...cells, gone.map(({ first }) => first)]);
  }
  if (changed.length > 0) await run(SQL.putGaps, [...cellsOfMany(sequences), encodePlacedGaps(changed)]);
};

/** The gaps are compared under the lock, in a statement of its own: what it sees is what the last writer left. */
const raiseLocked = async (run: Run, raises: readonly CeilingRaise[]): Promise<readonly RaiseOutcome[]> => {
  const entries = await lockEntries(
    run,
    raises.map(({ sequence }) => sequence),
  );
  const written: WrittenEntry[] = [];
  const replacements: Replacement[] = [];
  const outcomes = raises.map((raise, index) => {
    const { sequence, account } = raise;
    const { outcome, entry, replacesAccount } = decideRaise(entries[index], raise);
    if (entry === undefined) return outcome;
    if (replacesAccount) replacements.push({ sequence, gaps: account?.gaps ?? [] });
    written.push({ sequence, entry, digest: replacesAccount ? digestOfAccount(account) : null });
    return outcome;
  });
  if (replacements.length > 0) await replaceGaps(run, replacements);
  if (written.length > 0) await writeEntries(run, written);
  return outcomes;
};

/** The indexes in portions of at most `GAPS_MAX` gaps, or of one raise that has more. */
const portionsOf = (raises: readonly CeilingRaise[], indexes: readonly number[]): readonly (readonly number[])[] => {
  const portions: number[][] = [];
  let gaps = GAPS_MAX;
  for (const index of indexes) {
    const more = raises[index]?.account?.gaps.length ?? 0;
    if (portions.length === 0 || gaps + more > GAPS_MAX) {
      portions.push([]);
      gaps = 0;
    }
    portions.at(-1)?.push(index);
    gaps += more;
  }
  return portions;
};

export const raiseCeilings = async (
  { run, transact }: Pick<PostgresClient, 'run' | 'transact'>,
  raises: readonly CeilingRaise[],
): Promise<readonly RaiseOutcome[]> => {
  if (raises.length === 0) return [];
  // One statement writes a row once: the other raise would be reported as done, and be lost.
  const keys = new Set(raises.map(({ sequence }) => sequenceKeyOf(sequence)));
  if (keys.size < raises.length) throw new Error('A sequence is raised twice in one call.');
  const outcomes = await raiseAtOnce(run, raises);
  const rest = [...raises.keys()].filter((index) => !outcomes.has(index));
  for (const portion of portionsOf(raises, rest)) {
    const asked = portion.flatMap((index) => raises[index] ?? []);
    const decided = await transact((runInside) => raiseLocked(runInside, asked));
    for (const [at, outcome] of decided.entries()) outcomes.set(portion[at] ?? 0, outcome);
  }
  return raises.flatMap((_, index) => outcomes.get(index) ?? []);
};
