/** Reads a kept history back. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { RequestRecord } from '../../support/history.ts';
import type { Absence, FinalSequence, GivenBack, NemesisWindow, Remark, RunFacts, RunHistory } from './evidence.ts';

const parse = (line: string): { type: string } | Error => {
  try {
    return JSON.parse(line) as { type: string };
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
};

/** @throws when it is no history of this harness. */
export const replayFile = async (file: string): Promise<RunHistory> => {
  let facts: RunFacts | undefined;
  const requests: RequestRecord[] = [];
  const windows: NemesisWindow[] = [];
  const absences: Absence[] = [];
  const givenBack: GivenBack[] = [];
  const sequences: FinalSequence[] = [];
  const remarks: Remark[] = [];
  const lists: Readonly<Record<string, unknown[]>> = {
    request: requests,
    window: windows,
    absence: absences,
    'given-back': givenBack,
    sequence: sequences,
    remark: remarks,
  };
  let lineNumber = 0;
  // Only the last line may be: it is cut short when the harness was killed.
  let unreadable: Error | undefined;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    if (unreadable !== undefined) throw new Error(`${file}:${lineNumber} is unreadable.`, { cause: unreadable });
    lineNumber += 1;
    const parsed = parse(line);
    if (parsed instanceof Error) {
      unreadable = parsed;
      continue;
    }
    const { type, ...entry } = parsed;
    if (type === 'run') facts = entry as unknown as RunFacts;
    else if (lists[type] === undefined) throw new Error(`${file}:${lineNumber}: no such line: ${type}`);
    else lists[type].push(entry);
  }
  if (facts === undefined) throw new Error(`${file} is no history of this harness.`);
  // Written as they ended.
  requests.sort((a, b) => a.startMs - b.startMs);
  return { facts, requests, windows, absences, givenBack, sequences, remarks };
};
