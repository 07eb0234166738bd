/** What each nemesis did to the service, in figures: one line per nemesis, over all the times it ran. */
import type { RequestRecord } from '../../support/history.ts';
import type { NemesisWindow, RunHistory } from './evidence.ts';
import { BEFORE_ALL, nemesisNameAt } from './timeline.ts';
import { CLOCK_GRAIN_MS, type Verdict } from './verdict.ts';

export interface NemesisFigures {
  readonly name: string;
  runs: number;
  idle: number;
  requests: number;
  refused: number;
  standby: number;
  duplicates: number;
  otherFindings: number;
  /** Values recorded as missing in its time, by reason. */
  readonly gaps: Map<string, number>;
  /** The longest time without a success at a node that was there. */
  unavailableMs: number;
  /** The longest; undefined: it never came to that. */
  recoveryMs: number | undefined;
}

const createFigures = (name: string): NemesisFigures => ({
  name,
  runs: 0,
  idle: 0,
  requests: 0,
  refused: 0,
  standby: 0,
  duplicates: 0,
  otherFindings: 0,
  gaps: new Map(),
  unavailableMs: 0,
  recoveryMs: undefined,
});

/** The longest span of a window in which a node that was there gave nobody a number. */
const longestSilence = (
  history: RunHistory,
  window: NemesisWindow,
  served: ReadonlyMap<string, readonly number[]>,
): number => {
  let longest = 0;
  for (const [node, ends] of served) {
    // A node that was killed, stopped or frozen is excused from the window.
    const absent = history.absences.some(
      ({ label, fromMs, toMs }) => label === node && fromMs < window.toMs && toMs > window.fromMs,
    );
    if (absent || node === 'guest') continue;
    let before = window.fromMs;
    for (const end of ends.filter((ms) => ms > window.fromMs && ms < window.toMs)) {
      longest = Math.max(longest, end - before);
      before = end;
    }
    longest = Math.max(longest, window.toMs - before);
  }
  return longest;
};

const successesByNode = (requests: readonly RequestRecord[]): ReadonlyMap<string, readonly number[]> => {
  const served = new Map<string, number[]>();
  for (const { node, status, endMs } of requests) {
    if (status !== 200 || endMs === undefined) continue;
    const ends = served.get(node) ?? [];
    served.set(node, ends);
    ends.push(endMs);
  }
  for (const ends of served.values()) ends.sort((a, b) => a - b);
  return served;
};

export const summarize = (history: RunHistory, { findings }: Verdict): NemesisFigures[] => {
  const figures = new Map<string, NemesisFigures>();
  const of = (name: string): NemesisFigures => {
    const found = figures.get(name) ?? createFigures(name);
    figures.set(name, found);
    return found;
  };
  of(BEFORE_ALL);
  for (const record of history.requests) {
    const line = of(nemesisNameAt(history.windows, record.startMs));
    line.requests += 1;
    if (record.status !== 200 && record.error === undefined) line.refused += 1;
    if (record.source === 'standby') line.standby += 1;
  }
  const served = successesByNode(history.requests);
  for (const window of history.windows) {
    const line = of(window.name);
    line.runs += 1;
    if (window.idle !== undefined) line.idle += 1;
    line.unavailableMs = Math.max(line.unavailableMs, longestSilence(history, window, served));
    if (window.recoveryMs !== undefined) line.recoveryMs = Math.max(line.recoveryMs ?? 0, window.recoveryMs);
  }
  for (const { gaps } of history.sequences) {
    for (const { first, last, reason, atMs } of gaps) {
      const line = of(nemesisNameAt(history.windows, atMs + CLOCK_GRAIN_MS));
      line.gaps.set(reason, (line.gaps.get(reason) ?? 0) + last - first + 1);
    }
  }
  for (const { kind, nemesis } of findings) {
    if (kind === 'duplicate') of(nemesis).duplicates += 1;
    else of(nemesis).otherFindings += 1;
  }
  return [...figures.values()];
};
