/** What a life asks of a node, and the plain answers: through the services here, through HTTP where processes are restarted. */
import { z } from 'zod';
import { NumberGeneratorError } from '../../src/core/errors.ts';
import { prefixConfigInputSchema } from '../../src/core/prefix-config/prefix-config-rules.ts';
import { seriesOf } from '../../src/core/values/sequence-id.ts';
import { identifyRequest } from '../../src/http/wire/idempotency-key.ts';
import { createGate } from './gate.ts';
import type { LifeNode } from './node.ts';

const CALLER = { subject: undefined, requestId: 'r-1', client: 'address 127.0.0.1' };

/** What the service said: a result, or the code of its refusal. */
export type Answer<Result> = { readonly ok: Result } | { readonly refused: string; readonly why: string };

export interface Body {
  readonly format: string;
  readonly initialSeq: number;
  readonly reset: 'never' | 'yearly' | 'monthly' | 'daily' | 'fiscal-yearly';
  readonly fiscalYearStart: string;
  readonly overflow: 'extend' | 'reject';
  readonly outage: 'standby' | 'reject';
  readonly allowPast: boolean;
  readonly strategy: 'counter' | 'gapless';
}

export interface Row {
  readonly state: string;
  readonly first: bigint;
  readonly last: bigint;
  readonly reason: string | undefined;
  readonly node: string | undefined;
  readonly firstNumber: string | undefined;
  readonly lastNumber: string | undefined;
}

export interface ReportView {
  readonly period: string;
  readonly rows: readonly Row[];
  readonly exact: boolean;
  /** How many values are in each state. */
  readonly counts: Readonly<Record<string, bigint>>;
}

export interface SequenceView {
  readonly period: string;
  readonly value: bigint;
  readonly nextValue: bigint | undefined;
  readonly nextNumber: string | undefined;
  readonly valuesLeft: bigint;
  readonly valuesPerDay: number | undefined;
  readonly widthReachedAtMs: number | undefined;
  readonly limitReachedAtMs: number | undefined;
  /** What the node that answers holds ready. */
  readonly standby: { readonly first: bigint; readonly last: bigint } | undefined;
}

export interface GapView {
  readonly first: bigint;
  readonly last: bigint;
  readonly reason: string;
}

export interface Reading {
  readonly prefixKey: string;
  readonly period: string;
  readonly value: bigint;
  readonly variables: Readonly<Record<string, string>>;
  readonly checkDigit: string | undefined;
  readonly issued: string;
  readonly reason: string;
}

export type Variables = Readonly<Record<string, string>> | undefined;

export interface TakeOptions {
  readonly count: number;
  readonly variables: Variables;
  readonly date: string | undefined;
  readonly idempotencyKey: string | undefined;
}

export interface Driver {
  /** The node that answers. */
  readonly node: string;
  register(prefixKey: string, body: Body): Promise<Answer<number>>;
  change(prefixKey: string, body: Body): Promise<Answer<number>>;
  remove(prefixKey: string): Promise<Answer<undefined>>;
  readConfig(prefixKey: string): Promise<Answer<{ version: number; format: string; initialSeq: bigint }>>;
  take(prefixKey: string, options: TakeOptions): Promise<Answer<{ numbers: readonly string[]; source: string }>>;
  reserve(prefixKey: string, ttlMs: number, variables: Variables): Promise<Answer<{ id: string; number: string }>>;
  confirm(id: string): Promise<Answer<undefined>>;
  void(id: string): Promise<Answer<undefined>>;
  /** @returns where the sequence stands afterwards: above `to` when a standby segment lay across it. */
  advance(prefixKey: string, to: bigint): Promise<Answer<bigint>>;
  closePeriod(prefixKey: string, period: string): Promise<Answer<undefined>>;
  preview(prefixKey: string, variables: Variables): Promise<Answer<{ number: string; value: bigint; period: string }>>;
  sequence(prefixKey: string): Promise<Answer<SequenceView>>;
  gaps(prefixKey: string, period: string | undefined): Promise<Answer<readonly GapView[]>>;
  report(prefixKey: string, period: string | undefined): Promise<Answer<ReportView>>;
  parse(number: string, prefixKey: string | undefined): Promise<Answer<readonly Reading[]>>;
}

const answered = async <Result>(work: () => Promise<Result>): Promise<Answer<Result>> => {
  try {
    return { ok: await work() };
  } catch (error) {
    if (error instanceof NumberGeneratorError) return { refused: error.code, why: error.message };
    if (error instanceof z.ZodError) return { refused: 'VALIDATION_ERROR', why: error.issues[0]?.message ?? '' };
    throw error;
  }
};

const REASON = 'because a life wants it';
const GAPS_PER_PAGE = 3;

/** All pages, of few entries each, so that a short record has several. */
const readGaps = async (node: LifeNode, prefixKey: string, period: string | undefined): Promise<readonly GapView[]> => {
  const gaps: GapView[] = [];
  let after: bigint | undefined = 0n;
  while (after !== undefined) {
    const { items, next }: Awaited<ReturnType<LifeNode['sequences']['listGaps']>> = await node.sequences.listGaps(
      seriesOf(prefixKey),
      period,
      after,
      GAPS_PER_PAGE,
    );
    for (const { range, reason } of items) gaps.push({ ...range, reason });
    after = next;
  }
  return gaps;
};

const readReport = async (node: LifeNode, prefixKey: string, period: string | undefined): Promise<ReportView> => {
  const report = await node.reports.open(seriesOf(prefixKey), period, CALLER.client);
  try {
    const rows: Row[] = [];
    for await (const page of report.pages) {
      for (const { first, last, state, reason, node: holder, number } of page) {
        const print = report.print;
        const text = (value: bigint): string | undefined => number ?? print?.(value);
        const row = { first, last, state, reason, node: holder };
        rows.push({ ...row, firstNumber: text(first), lastNumber: text(last) });
      }
    }
    const { exact, counts } = report.summary();
    return { period: report.head.period, rows, exact, counts };
  } finally {
    report.close();
  }
};

/** Thousands of lives share a store and a few formats: each is looked at alone. */
const parsed = (body: object) => prefixConfigInputSchema.parse({ ...body, allowCollision: true });

/** A node writes no more reports of one caller at a time. */
const REPORTS_MAX = 4;

export const createServiceDriver = (node: LifeNode): Driver => {
  const reporting = createGate(REPORTS_MAX);
  return {
    node: node.name,
    register: (prefixKey, body) =>
      answered(async () => (await node.configs.register(seriesOf(prefixKey), parsed(body), CALLER)).version),
    change: (prefixKey, body) =>
      answered(async () => {
        const { config } = await node.configs.update(seriesOf(prefixKey), parsed(body), 'any', CALLER);
        return config.version;
      }),
    remove: (prefixKey) =>
      answered(() => node.configs.remove(seriesOf(prefixKey), 'any', CALLER).then(() => undefined)),
    readConfig: (prefixKey) => answered(() => node.configs.read(seriesOf(prefixKey))),
    take: (prefixKey, { count, variables, date, idempotencyKey }) =>
      answered(() => {
        const payload = { prefixKey, count, variables, date };
        const receipt = idempotencyKey === undefined ? undefined : identifyRequest(idempotencyKey, undefined, payload);
        return node.numbers.issue(seriesOf(prefixKey), count, { variables, date, receipt });
      }),
    reserve: (prefixKey, ttlMs, variables) =>
      answered(async () => {
        const { reservation } = await node.reservations.reserve(seriesOf(prefixKey), {
          ttlMs,
          variables,
          caller: CALLER,
        });
        return { id: reservation.id, number: reservation.number };
      }),
    confirm: (id) =>
      answered(async () => void (await node.reservations.confirm(await node.reservations.read(id), CALLER))),
    void: (id) =>
      answered(async () => void (await node.reservations.void(await node.reservations.read(id), REASON, CALLER))),
    advance: (prefixKey, to) =>
      answered(async () => {
        const request = { to, reason: REASON, dryRun: false };
        return (await node.sequences.advance(seriesOf(prefixKey), request, CALLER)).value;
      }),
    closePeriod: (prefixKey, period) =>
      answered(() => node.sequences.closePeriod(seriesOf(prefixKey), period, REASON, CALLER).then(() => undefined)),
    preview: (prefixKey, variables) => answered(() => node.sequences.preview(seriesOf(prefixKey), variables)),
    sequence: (prefixKey) =>
      answered(async () => {
        const { forecast, ...view } = await node.sequences.read(seriesOf(prefixKey));
        return { ...view, ...forecast };
      }),
    gaps: (prefixKey, period) => answered(() => readGaps(node, prefixKey, period)),
    report: (prefixKey, period) => answered(() => reporting(() => readReport(node, prefixKey, period))),
    parse: (number, prefixKey) =>
      answered(async () => (await node.reading.read(number, prefixKey, () => true)).readings as readonly Reading[]),
  };
};
