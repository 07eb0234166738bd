/** The one checker of the fault tests: what the clients wrote down against what Redis holds, every value in one place only. */
import type { RequestRecord } from '../support/history.ts';
import type { HeldRange, StoredSequence } from './stored-sequence.ts';

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Evidence {
  readonly records: readonly RequestRecord[];
  readonly stored: StoredSequence;
  readonly prefixKey: string;
  readonly initialSeq?: number;
  /** Nodes that were killed (kill -9): the label their clients know, and the name Redis knows. */
  readonly killed?: readonly { readonly label: string; readonly name: string }[];
  /** Names of nodes that are still up, and may hold a standby and the range of their last call. */
  readonly live?: ReadonlySet<string>;
  /** From the beginning of a fault until every node is back and all that was given back is handed out again. */
  readonly disturbances?: readonly Span[];
  /** When a node was down or paused: its clients may find nobody there, or have to wait. */
  readonly absences?: readonly (Span & { readonly label: string })[];
  /** How long a reply may take, ms, besides the time its node was absent. */
  readonly boundMs: number;
  /** `global`: a value is above all that any client had before it asked; `client` (default): above all this client had. */
  readonly order?: 'client' | 'global';
}

export type FindingKind = 'duplicate' | 'overlap' | 'unexplained' | 'regression' | 'pending' | 'no-answer';

export interface Finding {
  readonly kind: FindingKind;
  readonly text: string;
}

/** What only a killed node can have lost, and is in no list: bounded by its last call, and by the connections cut. */
export interface Tolerated {
  readonly inLastCalls: number;
  readonly inCutReplies: number;
  /** Values below an earlier one of the same client, during a disturbance. */
  readonly outOfOrder: number;
}

export interface Verdict {
  readonly findings: readonly Finding[];
  readonly tolerated: Tolerated;
  readonly issued: number;
  readonly highest: number;
  /** Values in the gap record. */
  readonly recordedGaps: number;
}

type Report = (kind: FindingKind, text: string) => void;

const TEMPORARY = 'TMP-';
/** Not even these have an order: they are taken ahead of the counter. */
const UNORDERED = new Set(['standby', 'temporary']);

const overlaps = (record: RequestRecord, { fromMs, toMs }: Span): boolean =>
  record.startMs < toMs && (record.endMs ?? Number.POSITIVE_INFINITY) > fromMs;

const addAll = (into: Set<number>, ranges: readonly HeldRange[]): void => {
  for (const { first, last } of ranges) for (let value = first; value <= last; value += 1) into.add(value);
};

const readValue = (number: string, prefixKey: string): number => Number(number.slice(prefixKey.length + 1));

const collectIssued = ({ records, prefixKey }: Evidence, report: Report): Set<number> => {
  const owners = new Map<string, string>();
  const issued = new Set<number>();
  for (const { numbers, client } of records) {
    for (const number of numbers) {
      const owner = owners.get(number);
      if (owner !== undefined) report('duplicate', `${number}: ${owner} and ${client}`);
      owners.set(number, client);
      if (!number.startsWith(TEMPORARY)) issued.add(readValue(number, prefixKey));
    }
  }
  return issued;
};

/** What the store says of unissued values, and whether it says it only once, and of no issued value. */
const collectStored = (evidence: Evidence, issued: ReadonlySet<number>, report: Report): Set<number> => {
  const { stored, killed = [], live = new Set() } = evidence;
  const dead = new Set(killed.map(({ name }) => name));
  const known = new Set<number>();
  const enter = ({ first, last }: HeldRange, what: string, mayBeIssued: boolean): void => {
    for (let value = first; value <= last; value += 1) {
      if (known.has(value)) report('overlap', `${value} is ${what}, and in another list too`);
      if (issued.has(value) && !mayBeIssued) report('overlap', `${value} is ${what}, but was issued`);
      known.add(value);
    }
  };
  for (const range of stored.free) enter(range, 'free', false);
  for (const range of stored.gaps) {
    // Its holder may have issued some: a killed node can no longer say, and a paused one has not said so yet.
    const mayBeIssued = range.reason === 'node-crash' && (dead.has(range.holder) || live.has(range.holder));
    enter(range, `a gap (${range.reason})`, mayBeIssued);
  }
  for (const { first, last, holder } of stored.ahead) {
    if (first <= stored.counter)
      report('overlap', `${first}-${last} is ahead, but the counter is at ${stored.counter}`);
    if (holder === '-') {
      for (let value = first; value <= last; value += 1) {
        if (!issued.has(value) && !known.has(value))
          report('unexplained', `${value} counts as used, but nobody has it`);
      }
    } else if (dead.has(holder) || live.has(holder)) enter({ first, last, holder }, `held by ${holder}`, true);
    else report('unexplained', `${first}-${last} is held by ${holder}, which has left`);
  }
  return known;
};

const checkAccount = (evidence: Evidence, report: Report): Pick<Verdict, 'tolerated' | 'issued' | 'highest'> => {
  const { stored, initialSeq = 0, killed = [], live = new Set(), records } = evidence;
  const issued = collectIssued(evidence, report);
  const known = collectStored(evidence, issued, report);
  const ahead = new Set<number>();
  addAll(ahead, stored.ahead);
  let highest = stored.counter;
  for (const value of issued) {
    if (value <= initialSeq) report('overlap', `${value} is not above ${initialSeq}`);
    if (value > stored.counter && !ahead.has(value)) report('overlap', `${value} was issued, and will be again`);
    if (value > highest) highest = value;
  }
  const names = new Set([...live, ...killed.map(({ name }) => name)]);
  const inLastCall = new Set<number>();
  addAll(
    inLastCall,
    stored.lastRanges.filter(({ holder }) => names.has(holder)),
  );
  const labels = new Set(killed.map(({ label }) => label));
  let cut = 0;
  for (const { node, error, count } of records) if (error !== undefined && labels.has(node)) cut += count;
  const tolerated = { inLastCalls: 0, inCutReplies: 0, outOfOrder: 0 };
  for (let value = initialSeq + 1; value <= stored.counter; value += 1) {
    if (issued.has(value) || known.has(value)) continue;
    if (inLastCall.has(value)) tolerated.inLastCalls += 1;
    else if (tolerated.inCutReplies < cut) tolerated.inCutReplies += 1;
    else report('unexplained', `${value} was neither issued nor recorded nor held`);
  }
  return { tolerated, issued: issued.size, highest };
};

/** @returns how many values out of order are excused by a disturbance. */
const checkOrder = (evidence: Evidence, report: Report): number => {
  const { prefixKey, disturbances = [], order = 'client' } = evidence;
  const ordered = evidence.records.filter(({ source, numbers }) => numbers.length > 0 && !UNORDERED.has(source ?? ''));
  const byEnd = ordered.toSorted((a, b) => (a.endMs ?? 0) - (b.endMs ?? 0));
  const highest = new Map<string, number>();
  let ended = 0;
  let excused = 0;
  for (const record of ordered) {
    for (let other = byEnd[ended]; other && (other.endMs ?? 0) <= record.startMs; other = byEnd[++ended]) {
      const key = order === 'global' ? '' : other.client;
      for (const number of other.numbers)
        highest.set(key, Math.max(highest.get(key) ?? 0, readValue(number, prefixKey)));
    }
    let before = highest.get(order === 'global' ? '' : record.client) ?? 0;
    for (const number of record.numbers) {
      const value = readValue(number, prefixKey);
      if (value > before) before = value;
      else if (disturbances.some((span) => overlaps(record, span))) excused += 1;
      else report('regression', `${record.client} was given ${value} after ${before}, while nothing was wrong`);
    }
  }
  return excused;
};

const checkAnswers = ({ records, absences = [], boundMs }: Evidence, report: Report): void => {
  for (const record of records) {
    const { client, node, startMs, endMs, status, problem, error } = record;
    if (endMs === undefined) {
      report('pending', `${client} still waits for ${node}`);
      continue;
    }
    const absent = absences.filter((span) => span.label === node && overlaps(record, span));
    let allowedMs = boundMs;
    for (const { fromMs, toMs } of absent) allowedMs += Math.max(0, Math.min(endMs, toMs) - Math.max(startMs, fromMs));
    if (endMs - startMs > allowedMs)
      report('pending', `${client} waited ${Math.round(endMs - startMs)} ms for ${node}`);
    if (error !== undefined && absent.length === 0) report('no-answer', `${client} at ${node}: ${error}`);
    const refusedWell = problem !== undefined && (status !== 503 || record.retryAfter !== undefined);
    if (error === undefined && status !== 200 && !refusedWell) {
      report('no-answer', `${client} at ${node}: ${status} without a problem document or Retry-After`);
    }
  }
};

/** Records must be in the order of their starts. */
export const checkEvidence = (evidence: Evidence): Verdict => {
  const findings: Finding[] = [];
  const report: Report = (kind, text) => void findings.push({ kind, text });
  const { tolerated, issued, highest } = checkAccount(evidence, report);
  const outOfOrder = checkOrder(evidence, report);
  checkAnswers(evidence, report);
  const recordedGaps = evidence.stored.gaps.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  return { findings, tolerated: { ...tolerated, outOfOrder }, issued, highest, recordedGaps };
};
