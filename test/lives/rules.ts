/** The rules that hold between what a life remembers and what the service says of it afterwards. */

import { limitOf } from './body.ts';
import type { Body, GapView, ReportView, Row, SequenceView } from './driver.ts';
import { demand, demandUnlessKnown, type Given, type Memory, type PeriodMemory } from './memory.ts';

const sizeOf = ({ first, last }: Pick<Row, 'first' | 'last'>): bigint => last - first + 1n;

const show = ({ first, last, state, reason }: Row): string =>
  `${first}–${last} ${state}${reason ? ` (${reason})` : ''}`;

const showAll = (rows: readonly Row[]): string => rows.map(show).join(', ');

export const rowAt = (rows: readonly Row[], value: bigint): Row | undefined =>
  rows.find(({ first, last }) => first <= value && value <= last);

/** A number that a node gave out of its standby stands with that node until it says so, for ever when it was killed. */
export const mayBeUntold = (memory: Memory, { source, node }: Given): boolean =>
  source === 'standby' && (memory.unsettled || memory.crashed.has(node));

const DONE = {
  issued: ['issued'],
  confirmed: ['confirmed'],
  reserved: ['reserved'],
  brief: ['reserved', 'void', 'lost'],
} as const;

/** Each value stands once, from the first one on; the sums are the rows'. */
const checkCover = (period: PeriodMemory, { rows, counts }: ReportView): void => {
  let next: bigint | undefined;
  const sums = new Map<string, bigint>();
  for (const row of rows) {
    demand(row.first <= row.last, 'empty-row', () => show(row));
    demand(next === undefined || row.first === next, 'rows-with-a-hole', () => showAll(rows));
    next = row.last + 1n;
    sums.set(row.state, (sums.get(row.state) ?? 0n) + sizeOf(row));
  }
  for (const [state, count] of Object.entries(counts)) {
    demand(count === (sums.get(state) ?? 0n), 'wrong-sums', () => `${state}: ${count}, ${showAll(rows)}`);
  }
  const first = rows[0]?.first;
  if (first === undefined) return;
  const origins = [...period.origins].map((origin) => origin + 1n);
  demand(origins.includes(first), 'wrong-origin', () => `begins at ${first}, not at ${origins}: ${showAll(rows)}`);
};

/** What was handed out is issued, and what is issued was handed out. */
const checkIssued = (memory: Memory, period: PeriodMemory, rows: readonly Row[]): void => {
  let known = 0n;
  for (const given of period.given.values()) {
    const row = rowAt(rows, given.value);
    if (row?.state === 'issued') known += 1n;
    if (given.state === 'void') continue;
    const states: readonly string[] = DONE[given.state];
    if (row !== undefined && states.includes(row.state)) continue;
    if (mayBeUntold(memory, given) && (row?.state === 'held' || row?.reason === 'node-crash')) continue;
    const rule = row?.reason === 'recovery-jump' ? 'issued-in-jump' : 'issued-not-reported';
    const what = `${given.text} (${given.state}, ${given.source}): ${row ? show(row) : 'no row'}`;
    demandUnlessKnown(memory, false, rule, () => what);
  }
  const issued = rows.filter(({ state }) => state === 'issued').reduce((sum, row) => sum + sizeOf(row), 0n);
  const onTheWay = [...period.onTheWay.values()].reduce((sum, count) => sum + count, 0n);
  demand(
    issued - known <= onTheWay,
    'reported-not-issued',
    () => `${issued} reported, ${known} handed out, ${onTheWay} may be on their way: ${showAll(rows)}`,
  );
  for (const row of rows) {
    if (row.state !== 'issued') continue;
    for (const [value, number] of [
      [row.first, row.firstNumber],
      [row.last, row.lastNumber],
    ] as const) {
      const given = period.given.get(value);
      if (given === undefined || given.state === 'void' || number === undefined) continue;
      demand(number === given.text, 'report-prints-otherwise', () => `${given.text} as ${number}`);
    }
  }
};

/** The gap record and the report name the same values for the same reasons, and each reason is true. */
const checkGaps = (memory: Memory, period: PeriodMemory, rows: readonly Row[], gaps: readonly GapView[]): void => {
  const last = rows.at(-1)?.last ?? 0n;
  let before = 0n;
  for (const gap of gaps) {
    demand(before < gap.first, 'gaps-out-of-order', () => `${gap.first} after ${before}`);
    before = gap.last;
    if (gap.last > last) continue;
    const row = rowAt(rows, gap.first);
    const isSame = row?.state === 'gap' && row.reason === gap.reason && gap.last <= row.last;
    demand(isSame, 'gap-not-in-report', () => `${gap.first}–${gap.last} ${gap.reason}: ${showAll(rows)}`);
  }
  const listed = gaps.reduce((sum, gap) => sum + (gap.last <= last ? sizeOf(gap) : 0n), 0n);
  const gapRows = rows.filter(({ state }) => state === 'gap');
  const reported = gapRows.reduce((sum, row) => sum + sizeOf(row), 0n);
  demand(listed === reported, 'gap-not-in-record', () => `${reported} reported, ${listed} in the record`);
  for (const row of gapRows) {
    const { reason } = row;
    const isAdvance = reason === 'advance' || reason === 'lost';
    const isCrash = reason === 'node-crash' && (memory.unsettled || memory.crashed.has(row.node ?? ''));
    const isTrue = isCrash || (isAdvance && row.last <= period.movedTo);
    const rules: Readonly<Record<string, string>> = {
      'recovery-jump': 'jumped',
      'node-crash': 'living-called-crashed',
    };
    const rule = rules[reason ?? ''] ?? 'untrue-gap-reason';
    demandUnlessKnown(memory, isTrue, rule, () => `${show(row)}, moved to ${period.movedTo} at most`);
  }
};

/** What a ledger lost was passed over by somebody, and stands in both lists. */
const checkLost = (period: PeriodMemory, rows: readonly Row[], gaps: readonly GapView[]): void => {
  const lost = rows.filter(({ state }) => state === 'lost');
  for (const row of lost) demand(row.last <= period.movedTo, 'untrue-gap-reason', () => show(row));
  const [reported, listed] = [lost, gaps].map((ranges) => ranges.reduce((sum, range) => sum + sizeOf(range), 0n));
  demand(reported === listed, 'gap-not-in-record', () => `${reported} reported, ${listed} in the record`);
};

const isRemembered = (period: PeriodMemory): boolean =>
  ![...period.given.values()].some(({ state }) => state === 'brief');

/** Values of these rows that the next requests can be given. */
const leftIn = (rows: readonly Row[], from: bigint, limit: bigint): bigint => {
  let left = limit > from ? limit - from : 0n;
  for (const row of rows) {
    const isLeft = row.state === 'open' || row.state === 'void' || row.reason === 'returned';
    const first = row.first > from ? row.first : from + 1n;
    const last = row.last < limit ? row.last : limit;
    if (!isLeft && first <= last) left -= last - first + 1n;
  }
  return left;
};

/** What the sequence says of itself follows from the report. */
export const checkSequence = (
  period: PeriodMemory,
  body: Body,
  rows: readonly Row[],
  view: SequenceView,
  nowMs: number,
): void => {
  demand(view.period === period.name, 'wrong-period', () => `${view.period}, not ${period.name}`);
  const initialSeq = BigInt(body.initialSeq);
  const limit = limitOf(body);
  const isGapless = body.strategy === 'gapless';
  demand(isGapless || view.value >= initialSeq, 'stands-below-initialSeq', () => `${view.value}`);
  if (view.nextValue !== undefined) {
    const given = period.given.get(view.nextValue);
    const isFree = given === undefined || given.state === 'void' || given.state === 'brief';
    demand(isFree, 'next-is-gone', () => `${view.nextValue} was ${given?.text}`);
    demand(isGapless || view.nextValue > initialSeq, 'next-below-initialSeq', () => `${view.nextValue}`);
  }
  // What is on its way may come back between two looks; and before the first number nobody tells what is held ready.
  if (isRemembered(period) && period.onTheWay.size === 0 && rows.length > 0) {
    const froms = [...period.origins].map((origin) => (isGapless || origin > initialSeq ? origin : initialSeq));
    const lefts = froms.map((from) => leftIn(rows, from, limit));
    demand(
      lefts.includes(view.valuesLeft),
      'wrong-values-left',
      () => `${view.valuesLeft}, not ${lefts}: ${showAll(rows)}`,
    );
  }
  const { valuesPerDay = 0, widthReachedAtMs = nowMs, limitReachedAtMs = nowMs } = view;
  const paceMax = 1440 * (period.given.size + 1);
  demand(valuesPerDay >= 0 && valuesPerDay <= paceMax, 'wrong-pace', () => `${valuesPerDay} a day`);
  demand(widthReachedAtMs >= nowMs && limitReachedAtMs >= nowMs, 'forecast-in-the-past', () => `${widthReachedAtMs}`);
};

/** Compares a period's report and gap record with what is remembered of it. */
export const checkPeriod = (
  memory: Memory,
  period: PeriodMemory,
  report: ReportView,
  gaps: readonly GapView[],
  isCounter: boolean,
): void => {
  demand(report.period === period.name, 'wrong-period', () => `${report.period}, not ${period.name}`);
  checkCover(period, report);
  checkIssued(memory, period, report.rows);
  if (isCounter) checkGaps(memory, period, report.rows, gaps);
  else checkLost(period, report.rows, gaps);
  demand(!isCounter || report.exact || memory.broken.has('jumped'), 'not-exact', () => showAll(report.rows));
};

/** At the end, when all nodes have given back what they had: nothing is with a node that is not there, or left open for ever. */
export const checkEnd = (memory: Memory, rows: readonly Row[], isOver: boolean): void => {
  for (const row of rows) {
    const isWithNobody = row.reason === 'standby' && !memory.crashed.has(row.node ?? '');
    demand(!isWithNobody, 'held-by-nobody', () => show(row));
    demandUnlessKnown(memory, !(isOver && row.state === 'open'), 'open-though-over', () => showAll(rows));
  }
};
