/** When something was, in words: seconds of the run, and the nemesis of that time. */
import type { RequestRecord } from '../../support/history.ts';
import type { NemesisWindow, RunHistory } from './evidence.ts';

export const BEFORE_ALL = '(before)';

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(3)} s`;

/** The nemesis under way, or the last one before. */
const nemesisAt = (windows: readonly NemesisWindow[], atMs: number): NemesisWindow | undefined =>
  windows.findLast(({ fromMs }) => fromMs <= atMs);

export const nemesisNameAt = (windows: readonly NemesisWindow[], atMs: number): string =>
  nemesisAt(windows, atMs)?.name ?? BEFORE_ALL;

const describeNemesis = (windows: readonly NemesisWindow[], atMs: number): string => {
  const window = nemesisAt(windows, atMs);
  if (window === undefined) return 'before all nemeses';
  if (atMs <= window.healedMs) return `in ${window.name}`;
  return `${Math.round(atMs - window.healedMs)} ms after the repair of ${window.name}`;
};

/** Who asked whom, when, and under what: to be found in the logs of the nodes by its time of day. */
export const describeRequest = ({ facts, windows }: RunHistory, record: RequestRecord): string => {
  const { client, node, startMs, endMs, source, count } = record;
  const day = new Date(facts.originMs + startMs).toISOString().slice(11, 23);
  const took = endMs === undefined ? 'without end' : `${Math.round(endMs - startMs)} ms`;
  const asked = count === 1 ? '' : `, ${count} at once`;
  return `${client} at node ${node}, ${seconds(startMs)} (${day}Z, ${took}${asked}), ${source ?? 'no source'}, ${describeNemesis(windows, startMs)}`;
};

/** The nemeses that came between two moments, for one of them is the cause. */
export const nemesesBetween = (windows: readonly NemesisWindow[], fromMs: number, toMs: number): string => {
  const names = new Set(
    windows.filter((window) => window.fromMs <= toMs && window.toMs >= fromMs).map(({ name }) => name),
  );
  return [...names].join(', ') || 'nothing';
};
