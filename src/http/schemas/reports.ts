/** What a completeness report looks like, as JSON and as CSV. */
import { stringify } from 'csv-stringify/sync';
import { z } from 'zod';
import { RUN_STATES, type Run } from '../../core/counter/completeness.ts';
import { rangeSize } from '../../core/values/range.ts';
import type { Report, ReportSummary } from '../../services/completeness/completeness-service.ts';
import { instant } from './instant.ts';
import { value } from './value.ts';

/** The key of a period; whether the prefix has it, the reset decides. */
export const periodQuery = z
  .string()
  .regex(/^[0-9a-z-]{1,16}$/, 'A period is written as 2026, 2026-11, 2026-11-21 or fy2026')
  .optional()
  .describe(
    'The period, as the reset of the prefix names it: 2026, 2026-11, 2026-11-21 or fy2026. Default: the present one.',
  );

export const reportQuery = z.strictObject({
  period: periodQuery,
  format: z
    .enum(['json', 'csv'], 'json or csv')
    .meta({ id: 'ReportFormat' })
    .optional()
    .describe('Goes before the Accept header. Default: what that prefers, json when both are the same to it.'),
});

const reportLine = z
  .object({
    state: z.enum(RUN_STATES).describe('What became of the values; see docs/API.md.').meta({ id: 'RunState' }),
    first: value,
    last: value,
    count: value,
    firstNumber: z.string().nullable().describe('The number printed for the first value; null when that is unknown.'),
    lastNumber: z.string().nullable(),
    reason: z.string().nullable().describe('Why they are missing, void or held.'),
    node: z.string().nullable().describe('The node that holds or held them.'),
    subject: z.string().nullable().describe('Subject of the token it was taken with; in ledgers.'),
    reservation: z.string().nullable().describe('The reservation it was taken by; in ledgers.'),
    at: instant.nullable().describe('Since when.'),
  })
  .meta({ id: 'ReportLine' });

export const reportReply = z
  .object({
    prefixKey: z.string(),
    strategy: z.string(),
    period: z.string(),
    store: z.string().describe('Where it was read: redis, sqlite or postgres.'),
    node: z.string().describe('The node that wrote it.'),
    generatedAt: instant.describe('When it was begun.'),
    runs: z.array(reportLine).describe('Rising; each begins right after the one before.'),
    summary: z
      .object({
        first: value.nullable().describe('The first value of all; null when none was taken.'),
        last: value.nullable().describe('The highest value of all.'),
        exact: z.boolean().describe('Whether all of it was so at one moment.'),
        ...Object.fromEntries(RUN_STATES.map((state) => [state, value.describe(`How many values are ${state}.`)])),
      })
      .describe('Comes last: a report without it was cut off.')
      .meta({ id: 'ReportSummary' }),
  })
  .meta({
    id: 'Report',
    examples: [
      {
        prefixKey: 'INV',
        strategy: 'counter',
        period: '2026',
        store: 'redis',
        node: '5f0c6a1b2d3e',
        generatedAt: '2026-11-25T12:00:00.000Z',
        runs: [
          {
            state: 'issued',
            first: '1',
            last: '4710',
            count: '4710',
            firstNumber: 'INV-2026-000001',
            lastNumber: 'INV-2026-004710',
            reason: null,
            node: null,
            subject: null,
            reservation: null,
            at: null,
          },
          {
            state: 'gap',
            first: '4711',
            last: '4800',
            count: '90',
            firstNumber: 'INV-2026-004711',
            lastNumber: 'INV-2026-004800',
            reason: 'advance',
            node: null,
            subject: null,
            reservation: null,
            at: '2026-11-20T09:30:00.000Z',
          },
        ],
        summary: {
          first: '1',
          last: '4800',
          exact: true,
          issued: '4710',
          confirmed: '0',
          reserved: '0',
          void: '0',
          lost: '0',
          gap: '90',
          held: '0',
          open: '0',
        },
      },
    ],
  });

const COLUMNS = Object.keys(reportLine.shape) as (keyof z.output<typeof reportLine>)[];

const timeOf = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());

/** The cells of a run, in the order of the columns. */
const cellsOf = (run: Run, print: Report['print']): (string | null)[] => [
  run.state,
  `${run.first}`,
  `${run.last}`,
  `${rangeSize(run)}`,
  run.number ?? print(run.first) ?? null,
  run.number ?? print(run.last) ?? null,
  run.reason ?? null,
  run.node ?? null,
  run.subject ?? null,
  run.reservation ?? null,
  timeOf(run.atMs),
];

/** Writes a report piece by piece. */
export interface ReportEncoding {
  readonly contentType: string;
  begin(report: Report): string;
  runs(runs: readonly Run[], report: Report): string;
  end(summary: ReportSummary, report: Report): string;
}

const NAMES = COLUMNS.map((column, at) => `${at === 0 ? '' : ','}${JSON.stringify(column)}:`);

/** JSON with one line of text for each run. */
export const createJsonEncoding = (): ReportEncoding => {
  let separator = '\n';
  return {
    contentType: 'application/json; charset=utf-8',
    begin: ({ head: { generatedAtMs, ...head } }) =>
      `${JSON.stringify({ ...head, generatedAt: timeOf(generatedAtMs) }).slice(0, -1)},"runs":[`,
    runs: (runs, { print }) => {
      let text = '';
      for (const run of runs) {
        // Cells are put after names that were made into JSON once: a report has as many lines as a ledger has rows.
        let line = '';
        cellsOf(run, print).forEach((cell, at) => {
          line += NAMES[at] + JSON.stringify(cell);
        });
        text += `${separator}{${line}}`;
        separator = ',\n';
      }
      return text;
    },
    end: ({ first, last, exact, counts }) => {
      const values = Object.fromEntries(RUN_STATES.map((state) => [state, `${counts[state]}`]));
      const ends = { first: first === undefined ? null : `${first}`, last: last === undefined ? null : `${last}` };
      return `\n],"summary":${JSON.stringify({ ...ends, exact, ...values })}}\n`;
    },
  };
};

/** RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe before it. */
const toCsv = (rows: readonly (readonly (string | null)[])[]): string =>
  stringify([...rows], { record_delimiter: 'windows', quote_record_delimiter: true, escape_formulas: true });

/** CSV with a header, one row for each run, and the row `total` at the end. */
export const createCsvEncoding = (): ReportEncoding => ({
  contentType: 'text/csv; charset=utf-8; header=present',
  begin: () => toCsv([COLUMNS]),
  runs: (runs, { print }) => toCsv(runs.map((run) => cellsOf(run, print))),
  end: ({ first, last, exact }, { head: { node, generatedAtMs } }) => {
    const [from, to] = [first === undefined ? '' : `${first}`, last === undefined ? '' : `${last}`];
    const count = first === undefined || last === undefined ? '0' : `${rangeSize({ first, last })}`;
    const kind = exact ? 'exact' : 'moving';
    return toCsv([['total', from, to, count, '', '', kind, node, '', '', timeOf(generatedAtMs)]]);
  },
});
