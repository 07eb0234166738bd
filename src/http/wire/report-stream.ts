/** Streams a report to its reader: written as fast as it is read, and given up when it is read too slowly. */
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { createGarbageBound } from '../../lib/garbage-bound.ts';
import type { Report } from '../../services/completeness/completeness-service.ts';
import type { ReportEncoding } from '../schemas/reports.ts';

export interface ReportLimits {
  /** How long a reader may pause, ms. */
  readonly stallMs: number;
  /** How long the whole may take, ms. */
  readonly totalMs: number;
}

const REPORT_LIMITS: ReportLimits = { stallMs: 60_000, totalMs: 1_800_000 };

/** Encoded in one go: bounds how long the event loop is kept busy, well below a millisecond. */
const RUNS_PER_PIECE = 100;
/** Lines of text are joined to pieces of about this size, in UTF-16 code units. */
const PIECE_LENGTH = 16_384;
/** How much garbage written rows may leave; a million leave ten times as much. */
const GARBAGE_BYTES_MAX = 8 * 1024 * 1024;

async function* piecesOf(report: Report, encoding: ReportEncoding): AsyncGenerator<string> {
  let piece = encoding.begin(report);
  for await (const runs of report.pages) {
    for (let at = 0; at < runs.length; at += RUNS_PER_PIECE) {
      piece += encoding.runs(runs.slice(at, at + RUNS_PER_PIECE), report);
      if (piece.length < PIECE_LENGTH) continue;
      yield piece;
      piece = '';
    }
  }
  yield piece + encoding.end(report.summary(), report);
}

/**
 * The text of a report. The store is read only after the reader has taken what there is. When the store fails or a
 * limit is passed, the stream ends with an error, so that the reader notices the cut.
 */
export const createReportStream = (
  report: Report,
  encoding: ReportEncoding,
  { stallMs, totalMs }: ReportLimits = REPORT_LIMITS,
): Readable => {
  const boundGarbage = createGarbageBound(GARBAGE_BYTES_MAX);
  let stall: NodeJS.Timeout | undefined;
  const giveUp = (why: string): void => {
    stream.destroy(new Error(`The report was given up: ${why}.`));
  };
  async function* watched(): AsyncGenerator<string> {
    for await (const piece of piecesOf(report, encoding)) {
      stall = setTimeout(giveUp, stallMs, 'its reader took nothing for too long');
      yield piece;
      clearTimeout(stall);
      // A fast store and a fast reader would leave no turn of the event loop to others.
      await setImmediate();
      boundGarbage();
    }
  }
  // One piece at a time: unread rows stay in the store.
  const stream = Readable.from(watched(), { objectMode: false, highWaterMark: 1 });
  const total = setTimeout(giveUp, totalMs, 'it took too long');
  stream.once('close', () => {
    clearTimeout(stall);
    clearTimeout(total);
    report.close();
  });
  return stream;
};
