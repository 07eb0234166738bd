/** Reads, locks and writes the entries of many sequences in the tables `ceilings` and `gaps`, each in one statement. */
import type { CeilingEntry } from '../../core/ceiling/ceiling-rule.ts';
import type { Ceiling } from '../../core/ceiling/ceiling-store.ts';
import type { Gap } from '../../core/values/gap.ts';
import { cellsOf, type SequenceId } from '../../core/values/sequence-id.ts';
import { readCeiling, readEntry, readGap } from './ceiling-rows.ts';
import type { Row, Run } from './postgres-client.ts';
import { loadSql } from './sql-statement.ts';

const SQL = {
  read: loadSql('read-ceilings'),
  rejoin: loadSql('rejoin-ceilings'),
  lock: loadSql('lock-ceilings'),
  update: loadSql('update-ceilings'),
  listGaps: loadSql('list-gaps'),
};

export interface WrittenEntry {
  readonly sequence: SequenceId;
  readonly entry: CeilingEntry;
  /** Of the gaps, when they were replaced. */
  readonly digest: string | null;
}

export const textOf = (value: bigint | undefined): string | null => value?.toString() ?? null;

/** Statements count from 1. */
export const positionOf = (row: Row): number => Number(row['position']) - 1;

/** Prefix keys and periods, as the statements for many sequences take them. */
export const cellsOfMany = (sequences: readonly SequenceId[]): readonly [string[], string[]] => {
  const cells = sequences.map(cellsOf);
  return [cells.map(([prefixKey]) => prefixKey), cells.map(([, period]) => period)];
};

/**
 * Waits for whoever has locked one of them.
 * @param node is taken out of the lists of those that recoveries went on without; undefined: nobody is.
 */
export const readCeilings = async (
  run: Run,
  sequences: readonly SequenceId[],
  node?: string,
): Promise<readonly (Ceiling | undefined)[]> => {
  if (sequences.length === 0) return [];
  let rows = await run(SQL.read, [...cellsOfMany(sequences), node ?? null]);
  const leftBehind = rows
    .filter((row) => row['left_behind'] === 't')
    .flatMap((row) => sequences[positionOf(row)] ?? []);
  if (leftBehind.length > 0) {
    await run(SQL.rejoin, [...cellsOfMany(leftBehind), node ?? null]);
    // A recovery may have been granted in between.
    rows = await run(SQL.read, [...cellsOfMany(sequences), null]);
  }
  const found = new Map(rows.map((row) => [positionOf(row), readCeiling(row)]));
  return sequences.map((_, index) => found.get(index));
};

export const lockEntries = async (
  run: Run,
  sequences: readonly SequenceId[],
): Promise<readonly (CeilingEntry | undefined)[]> => {
  const rows = await run(SQL.lock, cellsOfMany(sequences));
  const found = new Map(rows.map((row) => [positionOf(row), readEntry(row)]));
  return sequences.map((_, index) => found.get(index));
};

/** Of sequences that this transaction has locked. */
export const writeEntries = async (run: Run, written: readonly WrittenEntry[]): Promise<void> => {
  const entries = written.map(({ entry }) => entry);
  await run(SQL.update, [
    ...cellsOfMany(written.map(({ sequence }) => sequence)),
    entries.map(({ epoch }) => `${epoch}`),
    entries.map(({ server }) => server),
    entries.map(({ ceiling }) => `${ceiling}`),
    entries.map(({ base }) => `${base}`),
    entries.map(({ account }) => textOf(account?.value)),
    entries.map(({ account }) => account?.changes.toString() ?? null),
    written.map(({ digest }) => digest),
    entries.map(({ origin }) => textOf(origin)),
    entries.map(({ grantedSince }) => `${grantedSince}`),
    entries.map(({ jumpedWithout }) => JSON.stringify(jumpedWithout)),
  ]);
};

/** @returns the gaps of each sequence, at the same index. */
export const listGaps = async (run: Run, sequences: readonly SequenceId[]): Promise<readonly (readonly Gap[])[]> => {
  const gaps = sequences.map((): Gap[] => []);
  for (const row of await run(SQL.listGaps, cellsOfMany(sequences))) gaps[positionOf(row)]?.push(readGap(row));
  return gaps;
};
