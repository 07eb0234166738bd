/** What a fault did, in one line: requests by source, refusals, gaps, recovery, latency before and after its beginning. */
import type { RequestRecord } from '../support/history.ts';
import type { Span, Verdict } from './account.ts';

const countBy = (records: readonly RequestRecord[], key: (record: RequestRecord) => string | undefined): string => {
  const counts = new Map<string, number>();
  for (const record of records) {
    const name = key(record);
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
};

/** The 99th percentile of the durations of the requests that began in the span, ms. */
const p99 = (records: readonly RequestRecord[], fromMs: number, toMs: number): string => {
  const durations = records
    .filter(({ startMs, endMs }) => startMs >= fromMs && startMs < toMs && endMs !== undefined)
    .map(({ startMs, endMs }) => (endMs ?? startMs) - startMs)
    .sort((a, b) => a - b);
  return `${(durations[Math.ceil(durations.length * 0.99) - 1] ?? Number.NaN).toFixed(1)} ms`;
};

/** ms from the end of a fault until every node has replied with a number from Redis again. */
export const recoveryOf = (records: readonly RequestRecord[], labels: readonly string[], endMs: number): number => {
  const firsts = labels.map((label) => {
    const mine = records.filter(
      ({ node, source, startMs }) => node === label && source === 'redis' && startMs >= endMs,
    );
    return Math.min(...mine.map((record) => record.endMs ?? Number.POSITIVE_INFINITY)) - endMs;
  });
  return Math.max(...firsts);
};

interface Facts {
  readonly title: string;
  readonly records: readonly RequestRecord[];
  readonly verdict: Verdict;
  readonly disturbances: readonly Span[];
  readonly recoveriesMs: readonly number[];
}

export const describeFigures = ({ title, records, verdict, disturbances, recoveriesMs }: Facts): string => {
  const { tolerated, findings } = verdict;
  const slowest = Math.max(...records.map(({ startMs, endMs }) => (endMs ?? startMs) - startMs));
  const [first] = disturbances;
  return [
    title,
    `requests ${records.length} (${countBy(records, ({ source }) => source)})`,
    `refused ${countBy(records, ({ status, problem }) => (status === 200 ? undefined : problem && `${status} ${problem}`)) || 0}`,
    `cut ${countBy(records, ({ error }) => error) || 0}`,
    `values ${verdict.issued} up to ${verdict.highest}`,
    `gap record ${verdict.recordedGaps}`,
    `lost with a killed node: ${tolerated.inLastCalls} in last calls, ${tolerated.inCutReplies} in cut replies`,
    `out of order ${tolerated.outOfOrder}`,
    `recovery ${recoveriesMs.map((ms) => `${Math.round(ms)} ms`).join(', ') || '-'}`,
    `slowest reply ${Math.round(slowest)} ms`,
    first &&
      `p99 ${p99(records, first.fromMs - 2_000, first.fromMs)} before, ${p99(records, first.fromMs, first.fromMs + 1_000)} in the first second`,
    `findings ${findings.length}`,
  ]
    .filter((part) => part !== undefined)
    .join(' | ');
};
