/** The verdict on a run: what must not be is a finding, with the requests and the nemesis that it belongs to. */
import type { RequestRecord } from '../../support/history.ts';
import { parseNumber, type RunHistory } from './evidence.ts';
import { accountSequence, findDuplicates, type Issue, type SequenceFigures } from './sequence-account.ts';
import { BEFORE_ALL, describeRequest, nemesisNameAt } from './timeline.ts';

const FINDING_KINDS = ['duplicate', 'gap', 'overlap', 'order', 'pending', 'service'] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

export interface Finding {
  readonly kind: FindingKind;
  readonly nemesis: string;
  readonly text: string;
}

export interface Verdict {
  readonly findings: readonly Finding[];
  readonly figures: ReadonlyMap<string, SequenceFigures>;
  /** Values below an earlier one of the same client that a nemesis, or values given back, explain. */
  readonly outOfOrder: number;
}

type Note = (kind: FindingKind, atMs: number, text: string) => void;

const groupIssues = (history: RunHistory, note: Note): Map<string, Issue[]> => {
  const groups = new Map<string, Issue[]>(history.sequences.map(({ sequence }) => [sequence, []]));
  for (const record of history.requests) {
    for (const number of record.numbers) {
      const parsed = parseNumber(number);
      if (parsed === undefined) {
        note('service', record.startMs, `${number} is no number of this run: ${describeRequest(history, record)}`);
        continue;
      }
      const group = groups.get(parsed.sequence) ?? [];
      groups.set(parsed.sequence, group);
      group.push({ value: parsed.value, number, record });
    }
  }
  return groups;
};

const overlaps = (
  { startMs, endMs = Number.POSITIVE_INFINITY }: RequestRecord,
  span: { fromMs: number; toMs: number },
) => startMs < span.toMs && endMs > span.fromMs;

/** @returns how many values out of order are explained. */
const checkOrder = (history: RunHistory, sequence: string, issues: readonly Issue[], note: Note): number => {
  const spans = [...history.windows, ...history.givenBack.filter((span) => span.sequence === sequence)];
  const highest = new Map<string, Issue>();
  let explained = 0;
  for (const issue of issues) {
    const { record, value } = issue;
    if (record.source !== 'redis') continue;
    const before = highest.get(record.client);
    if (before === undefined || before.value < value) {
      highest.set(record.client, issue);
      continue;
    }
    if (spans.some((span) => overlaps(record, span))) explained += 1;
    else
      note(
        'order',
        record.startMs,
        `${sequence}: ${value} after ${before.value} (${describeRequest(history, before.record)}): ${describeRequest(history, record)}`,
      );
  }
  return explained;
};

const checkAnswers = (history: RunHistory, note: Note): void => {
  for (const record of history.requests) {
    const { node, startMs, endMs } = record;
    if (endMs === undefined) {
      note('pending', startMs, `No end: ${describeRequest(history, record)}`);
      continue;
    }
    let allowedMs = history.facts.boundMs;
    if (endMs - startMs <= allowedMs) continue;
    for (const absence of history.absences)
      if (absence.label === node)
        allowedMs += Math.max(0, Math.min(endMs, absence.toMs) - Math.max(startMs, absence.fromMs));
    if (endMs - startMs > allowedMs)
      note('pending', startMs, `${Math.round(endMs - startMs)} ms: ${describeRequest(history, record)}`);
  }
};

/** How long a killed node is waited for in vain: as long as it is registered; where nobody registers, a minute. */
const SILENCE_MS = { redis: 60_000, replicas: 60_000, postgres: 3_600_000 };

/** A Redis restarted in good order has lost nothing: so nothing may be jumped over when everybody is there to say so. */
const checkRestarts = ({ facts, windows, absences, sequences }: RunHistory, note: Note): void => {
  const isSomebodySilent = (atMs: number): boolean =>
    absences.some(
      ({ kind, fromMs }) => kind === 'killed' && fromMs < atMs && atMs - fromMs < SILENCE_MS[facts.backend],
    );
  for (const { sequence, gaps } of sequences) {
    for (const { first, last, reason, atMs } of gaps) {
      if (reason !== 'recovery-jump' || nemesisNameAt(windows, atMs + CLOCK_GRAIN_MS) !== 'redis-restart') continue;
      if (isSomebodySilent(atMs + CLOCK_GRAIN_MS)) continue;
      note('gap', atMs + CLOCK_GRAIN_MS, `${sequence}: ${first}-${last} jumped over after a clean restart of Redis`);
    }
  }
};

/** The gap record knows whole seconds only. */
export const CLOCK_GRAIN_MS = 1_000;

export const judge = (history: RunHistory): Verdict => {
  const findings: Finding[] = [];
  const note: Note = (kind, atMs, text) =>
    void findings.push({ kind, nemesis: atMs > 0 ? nemesisNameAt(history.windows, atMs) : BEFORE_ALL, text });
  const figures = new Map<string, SequenceFigures>();
  let outOfOrder = 0;
  for (const [sequence, issues] of groupIssues(history, note)) {
    const final = history.sequences.find((state) => state.sequence === sequence);
    if (final === undefined) {
      findDuplicates(history, issues, note);
      const lastMs = issues.at(-1)?.record.startMs ?? 0;
      note('service', lastMs, `The final state of ${sequence} was not read: only duplicates were looked for.`);
    } else figures.set(sequence, accountSequence(history, final, issues, note));
    outOfOrder += checkOrder(history, sequence, issues, note);
  }
  checkAnswers(history, note);
  checkRestarts(history, note);
  for (const { kind, atMs, text } of history.remarks) if (kind === 'finding') note('service', atMs, text);
  return { findings, figures, outOfOrder };
};

export const countByKind = (findings: readonly Finding[]): ReadonlyMap<FindingKind, number> =>
  new Map(FINDING_KINDS.map((kind) => [kind, findings.filter((finding) => finding.kind === kind).length]));
