/** The account of one sequence: every value up to the highest is issued once, or recorded as missing, or still held. */
import type { RequestRecord } from '../../support/history.ts';
import type { FinalSequence, RunHistory } from './evidence.ts';
import { createExcuses } from './excuses.ts';
import { describeRequest, nemesesBetween } from './timeline.ts';
import { MARK, markValues, runsOf, sizeOf, spell, type ValueRun } from './value-marks.ts';

export interface Issue {
  readonly value: number;
  readonly number: string;
  readonly record: RequestRecord;
}

export type Report = (kind: 'duplicate' | 'gap' | 'overlap', atMs: number, text: string) => void;

export interface SequenceFigures {
  readonly highest: number;
  readonly issued: number;
  /** Issued values in the gap record, under a reason that allows it. */
  readonly issuedInGaps: number;
  /** Values nobody has, excused by requests that a killed node left without an answer. */
  readonly cutOff: number;
  /** Values nobody has, which the last call of a node may have been given, in a run in which nodes were killed. */
  readonly inLastCalls: number;
  /** Values still held by nodes that are gone. */
  readonly held: number;
}

/** All that the checks of one sequence look at. */
interface Account {
  readonly history: RunHistory;
  readonly final: FinalSequence;
  /** The first issue of each value. */
  readonly firsts: ReadonlyMap<number, Issue>;
  readonly marks: Uint8Array;
  readonly report: Report;
}

const SAID = [
  [MARK.usedAhead, 'in the state as used ahead'],
  [MARK.lastCall, 'in the last call of a node'],
] as const;

/** Issues must be in the order in which their requests began. @returns the first issue of each value. */
export const findDuplicates = (
  history: RunHistory,
  issues: readonly Issue[],
  report: Report,
): ReadonlyMap<number, Issue> => {
  const firsts = new Map<number, Issue>();
  for (const issue of issues) {
    const { value, number, record } = issue;
    const first = firsts.get(value);
    if (first === undefined) firsts.set(value, issue);
    else {
      const between = nemesesBetween(history.windows, first.record.startMs, record.startMs);
      const [one, other] = [describeRequest(history, first.record), describeRequest(history, record)];
      report('duplicate', record.startMs, `${number}: ${one}; again: ${other}; between them ${between}`);
    }
  }
  return firsts;
};

/** The nearest issue in that direction: tells when a value was passed. */
const neighbour = ({ firsts, marks }: Account, value: number, step: 1 | -1): Issue | undefined => {
  for (let at = value + step; at > 0 && at < marks.length; at += step) {
    if (((marks[at] ?? 0) & MARK.issued) !== 0) return firsts.get(at);
  }
  return undefined;
};

const describeIssue = ({ history }: Account, issue: Issue | undefined): string =>
  issue === undefined ? 'none' : `${issue.value} by ${describeRequest(history, issue.record)}`;

const checkContradictions = (account: Account): void => {
  const { final, firsts, marks, report } = account;
  const { sequence, counter, initialSeq } = final;
  const blame = (run: ValueRun, what: string): void => {
    const issue = firsts.get(run.first);
    report(
      'overlap',
      issue?.record.startMs ?? 0,
      `${sequence}: ${spell(run)} ${what}; ${describeIssue(account, issue)}`,
    );
  };
  const recorded = MARK.gap | MARK.doubtfulGap;
  const isTwofold = (mark: number): boolean =>
    ((mark & MARK.issued) !== 0 && (mark & (MARK.gap | MARK.free)) !== 0) ||
    ((mark & MARK.free) !== 0 && (mark & recorded) !== 0);
  for (const run of runsOf(marks, initialSeq + 1, isTwofold)) {
    const places = [
      run.marks & MARK.issued && 'issued',
      run.marks & MARK.free && 'given back, to be handed out',
      run.marks & recorded && 'in the gap record',
    ];
    blame(run, `is ${places.filter(Boolean).join(' and ')}`);
  }
  const isAgain = (mark: number): boolean => (mark & MARK.issued) !== 0 && (mark & (MARK.usedAhead | MARK.held)) === 0;
  for (const run of runsOf(marks, Math.max(counter, initialSeq) + 1, isAgain))
    blame(run, `was issued, and will be again: the counter is at ${counter}`);
  for (const run of runsOf(marks.subarray(0, initialSeq + 1), 0, (mark) => (mark & MARK.issued) !== 0))
    blame(run, `is not above ${initialSeq}`);
};

const checkMissing = (account: Account): { cutOff: number; inLastCalls: number } => {
  const { history, final, marks, report } = account;
  const { sequence, counter, initialSeq } = final;
  const excuses = createExcuses(history, sequence);
  const accounted = MARK.issued | MARK.gap | MARK.doubtfulGap | MARK.free | MARK.held;
  let inLastCalls = 0;
  const isMissing = (mark: number): boolean => (mark & accounted) === 0;
  // Beyond the counter only what the state says was used can be missing.
  const isMissingAhead = (mark: number): boolean => isMissing(mark) && (mark & MARK.usedAhead) !== 0;
  const runs = [
    ...runsOf(marks.subarray(0, counter + 1), initialSeq + 1, isMissing),
    ...runsOf(marks, Math.max(counter, initialSeq) + 1, isMissingAhead),
  ];
  for (const run of runs) {
    if ((run.marks & MARK.lastCall) !== 0 && excuses.nodesWereKilled) {
      inLastCalls += sizeOf(run);
      continue;
    }
    const [before, after] = [neighbour(account, run.first, -1), neighbour(account, run.last, 1)];
    const left = excuses.spend(sizeOf(run), before?.record, after?.record);
    if (left === 0) continue;
    const said = SAID.flatMap(([mark, text]) => ((run.marks & mark) === 0 ? [] : [text])).join(', ') || 'in no list';
    const excused = left === sizeOf(run) ? '' : `, ${left} of them without an excuse`;
    const around = `before it ${describeIssue(account, before)}; after it ${describeIssue(account, after)}`;
    const atMs = Math.max(before?.record.startMs ?? 0, after?.record.startMs ?? 0);
    report('gap', atMs, `${sequence}: ${spell(run)} ${said}${excused}; ${around}`);
  }
  return { cutOff: excuses.spent(), inLastCalls };
};

/** Issues must be in the order in which their requests began. */
export const accountSequence = (
  history: RunHistory,
  final: FinalSequence,
  issues: readonly Issue[],
  report: Report,
): SequenceFigures => {
  const firsts = findDuplicates(history, issues, report);
  const marks = markValues(final, firsts.keys());
  const account: Account = { history, final, firsts, marks, report };
  checkContradictions(account);
  const missing = checkMissing(account);
  let issuedInGaps = 0;
  for (const mark of marks) if ((mark & MARK.issued) !== 0 && (mark & MARK.doubtfulGap) !== 0) issuedInGaps += 1;
  let highest = final.counter;
  for (const value of firsts.keys()) if (value > highest) highest = value;
  const held = final.ahead.reduce((sum, range) => (range.holder === '-' ? sum : sum + sizeOf(range)), 0);
  return { highest, issued: firsts.size, issuedInGaps, ...missing, held };
};
