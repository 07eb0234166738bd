/** The outcome of a run for its reader: the table of nemeses, the findings with all that is known of them, the verdict. */
import type { RunHistory } from './evidence.ts';
import { summarize } from './summary.ts';
import { describeRequest } from './timeline.ts';
import { countByKind, type Finding, type Verdict } from './verdict.ts';

const SHOWN_PER_NEMESIS = 4;

const HEADINGS = [
  'nemesis',
  'runs',
  'idle',
  'requests',
  '5xx/4xx',
  'standby',
  'duplicates',
  'other findings',
  'gap values recorded',
  'unavailable ms',
  'recovery ms',
];

const table = (rows: readonly (readonly string[])[]): string => {
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body.map(line)].join('\n');
};

const describeGaps = (gaps: ReadonlyMap<string, number>): string =>
  [...gaps].map(([reason, values]) => `${reason} ${values}`).join(', ') || '0';

const describeTable = (history: RunHistory, verdict: Verdict): string =>
  table([
    HEADINGS,
    ...summarize(history, verdict).map((line) => [
      line.name,
      `${line.runs}`,
      `${line.idle}`,
      `${line.requests}`,
      `${line.refused}`,
      line.requests === 0 ? '-' : `${Math.round((100 * line.standby) / line.requests)} %`,
      `${line.duplicates}`,
      `${line.otherFindings}`,
      describeGaps(line.gaps),
      `${Math.round(line.unavailableMs)}`,
      line.recoveryMs === undefined ? '-' : `${Math.round(line.recoveryMs)}`,
    ]),
  ]);

/** A few of each kind under each nemesis: the rest looks the same. */
const describeFindings = (findings: readonly Finding[]): string[] => {
  const groups = Map.groupBy(findings, ({ kind, nemesis }) => `${nemesis}: ${kind}`);
  return [...groups].flatMap(([title, group]) => [
    `${title}, ${group.length}:`,
    ...group.slice(0, SHOWN_PER_NEMESIS).map(({ text }) => `  ${text}`),
    ...(group.length > SHOWN_PER_NEMESIS ? [`  … and ${group.length - SHOWN_PER_NEMESIS} more`] : []),
  ]);
};

const describeSequences = ({ sequences }: RunHistory, { figures }: Verdict): string[] =>
  [...figures].map(([sequence, { issued, highest, issuedInGaps, cutOff, inLastCalls, held }]) => {
    const { counter, gaps = [], raw = {} } = sequences.find((state) => state.sequence === sequence) ?? {};
    const byReason = new Map<string, number>();
    for (const { first, last, reason } of gaps) byReason.set(reason, (byReason.get(reason) ?? 0) + last - first + 1);
    const { ahead = '', free = '', ...rest } = raw;
    return [
      `${sequence}: ${issued} values issued up to ${highest}, counter ${counter}`,
      `gap record ${describeGaps(byReason)} (${issuedInGaps} of them issued)`,
      `excused: ${cutOff} in cut requests of killed nodes, ${inLastCalls} in last calls`,
      `held by nodes that are gone ${held}`,
      `state: ${Object.entries({ ahead: ahead.slice(0, 200), free: free.slice(0, 200), ...rest })
        .map(([field, text]) => `${field}=${text || '-'}`)
        .join(' ')}`,
    ].join('\n  ');
  });

const slowest = (history: RunHistory): string => {
  const [first] = history.requests.toSorted((a, b) => (b.endMs ?? 0) - b.startMs - ((a.endMs ?? 0) - a.startMs));
  return first === undefined ? 'no requests' : `slowest reply: ${describeRequest(history, first)}`;
};

const verdictLine = (history: RunHistory, { findings }: Verdict): string => {
  const { backend, build, seed } = history.facts;
  const counts = [...countByKind(findings)].map(([kind, count]) => `${kind} ${count}`).join(', ');
  const idle = history.windows.filter((window) => window.idle !== undefined).length;
  const name = findings.length === 0 ? 'CLEAN' : 'FINDINGS';
  return `${name}: ${build} on ${backend}, seed ${seed}: ${history.requests.length} requests, ${history.windows.length} nemeses (${idle} idle): ${counts}`;
};

export const describeRun = (history: RunHistory, verdict: Verdict): string =>
  [
    '',
    describeTable(history, verdict),
    '',
    ...describeSequences(history, verdict),
    slowest(history),
    `values out of order that a nemesis explains: ${verdict.outOfOrder}`,
    ...history.remarks.filter(({ kind }) => kind === 'note').map(({ text }) => `note: ${text}`),
    '',
    ...describeFindings(verdict.findings),
    verdictLine(history, verdict),
  ].join('\n');
