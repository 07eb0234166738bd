/** Taking values within a transaction of PostgreSQL: lock the sequences, find what is free, share, write it all down. */

import { isBehind, type KnownMarks, type LedgerMark } from '../../core/ledger/ledger-mark.ts';
import { type LedgerShares, shareValues } from '../../core/ledger/ledger-rule.ts';
import type { LedgerAnswer, LedgerTake } from '../../core/ledger/ledger-store.ts';
import { judgeReceipt, RECEIPT_TTL_MS } from '../../core/values/receipt.ts';
import { columnsOf, keyOfColumns, readColumns } from '../../core/values/sequence-id.ts';
import { encodeAnswers, encodeReceipts, readExpiries, readReceipt } from './ledger-rows.ts';
import type { Row, Run } from './postgres-client.ts';
import { loadSql } from './sql-statement.ts';

const SQL = {
  lock: loadSql('lock-ledger-sequences'),
  begin: loadSql('begin-ledger-sequences'),
  lockFree: loadSql('lock-free-values'),
  lockReceipts: loadSql('lock-receipts'),
  findReceipts: loadSql('find-receipts'),
  write: loadSql('write-ledger'),
  countHeld: loadSql('count-held'),
  hold: loadSql('hold-reservations'),
  putReceipts: loadSql('put-receipts'),
};

/** One sequence of a call, with its takes by their position in the call. */
interface Group {
  readonly prefixKey: string;
  readonly period: string;
  readonly takes: (LedgerTake & { readonly position: number })[];
  value: bigint | undefined;
  reuses: boolean;
  /** How often it was touched so far; 0 when it has not begun. */
  changes: bigint;
  /** It has changed less than is known: nothing is taken of it. */
  behind: boolean;
  readonly free: bigint[];
}

const keyOfRow = (row: Row): string =>
  keyOfColumns({ prefixKey: row['prefix_key'] ?? '', period: row['period'] ?? '' });

const groupTakes = (takes: readonly LedgerTake[]): Map<string, Group> => {
  const groups = new Map<string, Group>();
  takes.forEach((take, position) => {
    const columns = columnsOf(take.sequence);
    const key = keyOfColumns(columns);
    let group = groups.get(key);
    if (group === undefined) {
      group = { ...columns, takes: [], value: undefined, reuses: false, changes: 0n, behind: false, free: [] };
      groups.set(key, group);
    }
    group.takes.push({ ...take, position });
  });
  return groups;
};

const keysOf = (groups: readonly Group[]): [string[], string[]] => [
  groups.map(({ prefixKey }) => prefixKey),
  groups.map(({ period }) => period),
];

/** Locks those of the sequences that have begun, and reads where they stand. */
const lock = async (run: Run, groups: ReadonlyMap<string, Group>): Promise<void> => {
  for (const row of await run(SQL.lock, keysOf([...groups.values()]))) {
    const group = groups.get(keyOfRow(row));
    if (group === undefined) continue;
    group.value = BigInt(row['value'] ?? '');
    group.reuses = row['reuses'] === 't';
    group.changes = BigInt(row['changes'] ?? 0);
  }
};

const lockAll = async (run: Run, groups: ReadonlyMap<string, Group>, known: KnownMarks): Promise<void> => {
  await lock(run, groups);
  // What was known before this transaction began, against what is under its lock: others can only have added to it since.
  for (const group of groups.values()) group.behind = isBehind(group, known.get(keyOfColumns(group)));
  const fresh = [...groups.values()].filter(({ value, behind }) => value === undefined && !behind);
  if (fresh.length === 0) return;
  const initials = fresh.map(({ takes }) => `${takes[0]?.initialSeq ?? 0n}`);
  await run(SQL.begin, [...keysOf(fresh), initials]);
  // All again, in the order of the names; those that are locked already cost nothing.
  await lock(run, groups);
};

const findFree = async (run: Run, groups: ReadonlyMap<string, Group>): Promise<void> => {
  const reusing = [...groups.values()].filter(({ reuses }) => reuses);
  if (reusing.length === 0) return;
  const counts = reusing.map(({ takes }) => `${takes.reduce((sum, { count }) => sum + count, 0)}`);
  for (const row of await run(SQL.lockFree, [...keysOf(reusing), counts])) {
    groups.get(keyOfRow(row))?.free.push(BigInt(row['value'] ?? ''));
  }
};

/** What receipts say of the takes that came with an idempotency key, by their position; the others have no entry. */
const findReceipts = async (run: Run, takes: readonly LedgerTake[]): Promise<ReadonlyMap<number, LedgerAnswer>> => {
  const hashes = takes.flatMap(({ receipt }) => (receipt === undefined ? [] : [receipt.hash]));
  if (hashes.length === 0) return new Map();
  await run(SQL.lockReceipts, [hashes]);
  // In a statement of its own: what it sees is what the last one under the key left.
  const rows = await run(SQL.findReceipts, [hashes]);
  const known = new Map(rows.map((row) => [row['hash'] ?? '', readReceipt(row)]));
  return new Map(
    takes.flatMap(({ receipt }, position): [number, LedgerAnswer][] => {
      if (receipt === undefined) return [];
      const found = judgeReceipt(known.get(receipt.hash), receipt);
      return found.kind === 'none' ? [] : [[position, found]];
    }),
  );
};

/** The same with those that would give their caller more reservations than it may have; in the order of the call. */
const refuseHeld = async (
  run: Run,
  takes: readonly LedgerTake[],
  answered: ReadonlyMap<number, LedgerAnswer>,
): Promise<ReadonlyMap<number, LedgerAnswer>> => {
  const open = takes.map(({ reservation }, position) => (answered.has(position) ? undefined : reservation?.share));
  const names = new Set(open.flatMap((share) => (share === undefined ? [] : [share.name])));
  if (names.size === 0) return answered;
  const rows = await run(SQL.countHeld, [[...names]]);
  const held = new Map(rows.map((row) => [row['holder'] ?? '', Number(row['held'])]));
  const all = new Map(answered);
  for (const [position, share] of open.entries()) {
    if (share === undefined) continue;
    const before = held.get(share.name) ?? 0;
    if (before >= share.max) all.set(position, { kind: 'share-held' });
    else held.set(share.name, before + 1);
  }
  return all;
};

const holdReservations = async (
  run: Run,
  takes: readonly LedgerTake[],
  answers: readonly LedgerAnswer[],
): Promise<void> => {
  const held = takes.flatMap(({ reservation }, index) => {
    const isTaken = answers[index]?.kind === 'taken';
    return isTaken && reservation?.share !== undefined ? [{ id: reservation.id, holder: reservation.share.name }] : [];
  });
  if (held.length === 0) return;
  await run(SQL.hold, [held.map(({ id }) => id), held.map(({ holder }) => holder)]);
};

interface Taken {
  readonly answers: LedgerAnswer[];
  readonly moved: { readonly group: Group; readonly shares: LedgerShares }[];
}

const share = (groups: readonly Group[], count: number, answered: ReadonlyMap<number, LedgerAnswer>): Taken => {
  const answers = Array.from({ length: count }, (_, position) => answered.get(position)) as LedgerAnswer[];
  const shared = groups.map((group) => {
    const open = group.takes.filter(({ position }) => !answered.has(position));
    const shares = shareValues(group.value, group.free, group.behind ? [] : open);
    if (group.behind) for (const { position } of open) answers[position] = { kind: 'behind' };
    shares.grants.forEach((grant, index) => {
      const position = open[index]?.position ?? 0;
      answers[position] = grant.kind === 'taken' ? { ...grant, expiresAtMs: undefined } : grant;
    });
    return { group, shares };
  });
  return { answers, moved: shared.filter(({ group }) => !group.behind) };
};

/** The values of a call with their texts, as three arrays: position of the take from 1, value, number. */
const printRows = (takes: readonly LedgerTake[], answers: readonly LedgerAnswer[]): [string[], string[], string[]] => {
  const [positions, values, numbers]: [string[], string[], string[]] = [[], [], []];
  answers.forEach((answer, index) => {
    const print = takes[index]?.print;
    if (answer.kind !== 'taken' || print === undefined) return;
    for (const { first, last } of answer.ranges) {
      for (let value = first; value <= last; value += 1n) {
        positions.push(`${index + 1}`);
        values.push(`${value}`);
        numbers.push(print(value));
      }
    }
  });
  return [positions, values, numbers];
};

/** @returns undefined when the operation was done, or cancelled, before. */
const write = async (
  run: Run,
  operation: string,
  takes: readonly LedgerTake[],
  { answers, moved }: Taken,
): Promise<Row | undefined> => {
  const groups = moved.map(({ group }) => group);
  const [row] = await run(SQL.write, [
    operation,
    encodeAnswers(takes, answers),
    ...keysOf(groups),
    moved.map(({ shares }) => `${shares.value}`),
    groups.map((group) => `${group.takes.some(({ reservation }) => reservation !== undefined)}`),
    takes.map(({ sequence }) => columnsOf(sequence).prefixKey),
    takes.map(({ sequence }) => columnsOf(sequence).period),
    takes.map(({ subject }) => subject ?? null),
    takes.map(({ receipt }) => receipt?.hash ?? null),
    takes.map(({ reservation }) => reservation?.id ?? null),
    takes.map(({ reservation }) => (reservation === undefined ? null : `${reservation.ttlMs}`)),
    ...printRows(takes, answers),
  ]);
  return row;
};

const keepReceipts = async (
  run: Run,
  takes: readonly LedgerTake[],
  answers: readonly LedgerAnswer[],
): Promise<void> => {
  const instants = takes.flatMap(({ receipt }) => (receipt === undefined ? [] : [receipt.atMs]));
  if (instants.length === 0) return;
  const expired = Math.max(...instants) - RECEIPT_TTL_MS;
  await run(SQL.putReceipts, [encodeReceipts(takes, answers), `${expired}`]);
};

interface TakenLocked {
  /** Undefined when the operation is there already: then nothing was done. */
  readonly answers: readonly LedgerAnswer[] | undefined;
  /** How far the sequences have changed, this time included. */
  readonly marks: readonly LedgerMark[];
}

const marksOf = (groups: Iterable<Group>, valueIn: (group: Group) => bigint | undefined, more: bigint): LedgerMark[] =>
  [...groups]
    .filter(({ behind }) => !behind)
    .map((group) => ({
      sequence: readColumns(group),
      changes: group.changes + more,
      value: valueIn(group) ?? 0n,
    }));

export const takeLocked = async (
  run: Run,
  operation: string,
  takes: readonly LedgerTake[],
  known: KnownMarks,
): Promise<TakenLocked> => {
  const groups = groupTakes(takes);
  await lockAll(run, groups, known);
  await findFree(run, groups);
  const answered = await refuseHeld(run, takes, await findReceipts(run, takes));
  const taken = share([...groups.values()], takes.length, answered);
  const row = await write(run, operation, takes, taken);
  if (row === undefined) return { answers: undefined, marks: marksOf(groups.values(), ({ value }) => value, 0n) };
  await keepReceipts(run, takes, taken.answers);
  await holdReservations(run, takes, taken.answers);
  const expiries = readExpiries(row);
  const answers = taken.answers.map((answer, index) => {
    const reservation = takes[index]?.reservation;
    if (answer.kind !== 'taken' || reservation === undefined) return answer;
    return { ...answer, expiresAtMs: expiries.get(reservation.id) };
  });
  const values = new Map(taken.moved.map(({ group, shares }) => [group, shares.value]));
  return { answers, marks: marksOf(groups.values(), (group) => values.get(group), 1n) };
};
