/** Everything that happens in a run as it happens: kept in memory for the verdict, and line by line in a file for replay. */

import { once } from 'node:events';
import { createWriteStream, openSync } from 'node:fs';
import { createHistory, type History, type RequestRecord } from '../../support/history.ts';
import type { Absence, FinalSequence, GivenBack, NemesisWindow, Remark, RunFacts, RunHistory } from './evidence.ts';
import { parseNumber } from './evidence.ts';

export interface Journal {
  readonly history: History;
  /** Requests that have ended. */
  readonly requests: number;
  readonly duplicates: number;
  /** The highest value of a sequence that came in order, as far as clients have seen. */
  highest(sequence: string): number;
  /** Sequences of which numbers were issued. */
  sequences(): readonly string[];
  /** Calls `listener` with each request that ends, until the function it returns is called. */
  listen(listener: (record: RequestRecord) => void): () => void;
  window(window: NemesisWindow): void;
  leave(label: string, kind: Absence['kind']): void;
  comeBack(label: string): void;
  givenBack(span: GivenBack): void;
  sequence(state: FinalSequence): void;
  remark(kind: Remark['kind'], text: string): void;
  /** Writes down what is still open, and closes the file. */
  finish(): Promise<RunHistory>;
}

export const createJournal = (facts: RunFacts, file: string): Journal => {
  // Opened at once, so that a file that cannot be written is an error of the caller.
  const stream = createWriteStream(file, { fd: openSync(file, 'w') });
  const write = (type: string, entry: object): void => void stream.write(`${JSON.stringify({ type, ...entry })}\n`);
  write('run', facts);
  const seen = new Set<string>();
  const highest = new Map<string, number>();
  const listeners = new Set<(record: RequestRecord) => void>();
  const windows: NemesisWindow[] = [];
  const absences: (Absence & { toMs: number })[] = [];
  const givenBack: GivenBack[] = [];
  const sequences: FinalSequence[] = [];
  const remarks: Remark[] = [];
  let ended = 0;
  let duplicates = 0;

  const note = (record: RequestRecord): void => {
    ended += 1;
    for (const number of record.numbers) {
      if (seen.has(number)) duplicates += 1;
      else seen.add(number);
      const { sequence, value } = parseNumber(number) ?? { sequence: '', value: 0 };
      const before = highest.get(sequence) ?? 0;
      highest.set(sequence, record.source === 'redis' ? Math.max(before, value) : before);
    }
    write('request', record);
    for (const listener of listeners) listener(record);
  };
  const history = createHistory(note);

  return {
    history,
    get requests() {
      return ended;
    },
    get duplicates() {
      return duplicates;
    },
    highest: (sequence) => highest.get(sequence) ?? 0,
    sequences: () => [...highest.keys()].filter((name) => name !== ''),
    listen: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    window: (window) => {
      windows.push(window);
      write('window', window);
    },
    leave: (label, kind) => {
      absences.push({ label, kind, fromMs: performance.now(), toMs: Number.MAX_SAFE_INTEGER });
    },
    comeBack: (label) => {
      const absence = absences.findLast((span) => span.label === label);
      if (absence !== undefined) absence.toMs = performance.now();
    },
    givenBack: (span) => {
      givenBack.push(span);
      write('given-back', span);
    },
    sequence: (state) => {
      sequences.push(state);
      write('sequence', state);
    },
    remark: (kind, text) => {
      const remark = { atMs: performance.now(), kind, text };
      remarks.push(remark);
      write('remark', remark);
    },
    finish: async () => {
      for (const absence of absences) write('absence', absence);
      for (const record of history.records) if (record.endMs === undefined) write('request', record);
      stream.end();
      await once(stream, 'finish');
      return { facts, requests: history.records, windows, absences, givenBack, sequences, remarks };
    },
  };
};
