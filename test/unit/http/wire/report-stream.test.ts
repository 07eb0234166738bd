/** A report on its way: no more is read than the reader takes, and nobody holds it open for ever. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Run } from '../../../../src/core/counter/completeness.ts';
import { createCsvEncoding, createJsonEncoding } from '../../../../src/http/schemas/reports.ts';
import { createReportStream, type ReportLimits } from '../../../../src/http/wire/report-stream.ts';
import type { Report } from '../../../../src/services/completeness/completeness-service.ts';

const RUNS_PER_PAGE = 200;

const setUp = (pages: number, failAfter = Number.POSITIVE_INFINITY) => {
  const seen = { read: 0, closed: 0 };
  async function* read(): AsyncGenerator<readonly Run[]> {
    for (let page = 0; page < pages; page += 1) {
      if (page === failAfter) throw new Error('The store went away.');
      seen.read += 1;
      await Promise.resolve();
      yield Array.from({ length: RUNS_PER_PAGE }, (_, index) => {
        const value = BigInt(page * RUNS_PER_PAGE + index + 1);
        return { first: value, last: value, state: 'issued' } as const;
      });
    }
  }
  const counts = { issued: 1n, confirmed: 0n, reserved: 0n, void: 0n, lost: 0n, gap: 0n, held: 0n, open: 0n };
  const report: Report = {
    head: {
      ...{ prefixKey: 'INV', strategy: 'gapless', period: '', store: 'sqlite', node: 'n1' },
      generatedAtMs: Date.parse('2026-11-25T12:00:00Z'),
    },
    pages: read(),
    print: (value) => `I${value}`,
    summary: () => ({ first: 1n, last: BigInt(pages * RUNS_PER_PAGE), counts, exact: true }),
    close: () => {
      seen.closed += 1;
    },
  };
  return { seen, report };
};

const LIMITS: ReportLimits = { stallMs: 1_000, totalMs: 5_000 };

const textOf = async (stream: AsyncIterable<Buffer>): Promise<string> => {
  let text = '';
  for await (const piece of stream) text += piece.toString();
  return text;
};

describe('a reader who takes what comes', () => {
  test('gets the whole report as JSON, and it is closed once', async () => {
    const { report, seen } = setUp(30);
    const json = JSON.parse(await textOf(createReportStream(report, createJsonEncoding())));
    expect(json.runs).toHaveLength(30 * RUNS_PER_PAGE);
    expect(json.runs.at(-1)).toMatchObject({ first: '6000', count: '1', firstNumber: 'I6000', at: null });
    expect(json.summary).toMatchObject({ last: '6000', exact: true });
    expect(seen).toEqual({ read: 30, closed: 1 });
  });

  test('and is as fast as the store leaves turns to everyone else', async () => {
    const { report } = setUp(300);
    let turns = 0;
    let immediate: NodeJS.Immediate;
    const takeTurn = (): void => {
      turns += 1;
      immediate = setImmediate(takeTurn);
    };
    immediate = setImmediate(takeTurn);
    onTestFinished(() => clearImmediate(immediate));
    let pieces = 0;
    for await (const piece of createReportStream(report, createJsonEncoding())) pieces += piece.length > 0 ? 1 : 0;
    expect(pieces).toBeGreaterThan(100);
    expect(turns).toBeGreaterThanOrEqual(pieces - 1);
  });

  test('gets it as CSV, with the total at the end', async () => {
    const { report } = setUp(3);
    const rows = (await textOf(createReportStream(report, createCsvEncoding()))).split('\r\n');
    expect(rows).toHaveLength(1 + 600 + 1 + 1);
    expect(rows[600]).toBe('issued,600,600,1,I600,I600,,,,,');
    expect(rows[601]).toBe('total,1,600,600,,,exact,n1,,,2026-11-25T12:00:00.000Z');
  });
});

describe('a reader who takes nothing', () => {
  test('keeps the rest of the report in the store, and is given up after a while', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const { report, seen } = setUp(1_000);
    const stream = createReportStream(report, createJsonEncoding(), LIMITS);
    const failed = new Promise<Error>((resolve) => stream.once('error', resolve));
    stream.read(0);
    await vi.advanceTimersByTimeAsync(LIMITS.stallMs - 1);
    expect([stream.destroyed, seen.closed]).toEqual([false, 0]);
    expect(seen.read).toBeLessThan(10);
    await vi.advanceTimersByTimeAsync(2);
    expect((await failed).message).toContain('took nothing for too long');
    expect(seen.closed).toBe(1);
  });

  test('cannot make it last longer than the whole may, sip by sip', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const { report, seen } = setUp(100_000);
    const stream = createReportStream(report, createJsonEncoding(), LIMITS);
    const failed = new Promise<Error>((resolve) => stream.once('error', resolve));
    for (let passedMs = 0; passedMs <= LIMITS.totalMs; passedMs += 500) {
      stream.read();
      await vi.advanceTimersByTimeAsync(500);
    }
    expect((await failed).message).toContain('it took too long');
    expect(seen.closed).toBe(1);
  });
});

test('a store that fails half-way cuts the report off, where a reader sees it', async () => {
  const { report, seen } = setUp(30, 20);
  await expect(textOf(createReportStream(report, createJsonEncoding()))).rejects.toThrow('The store went away.');
  expect(seen).toEqual({ read: 20, closed: 1 });
});
