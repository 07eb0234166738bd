/** The commands `backup` and `restore` of the embedded database. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Settings } from '../config/settings.ts';
import { parseValue } from '../core/values/value.ts';
import { controlSocketPath } from '../lib/control-socket.ts';
import {
  copyOffline,
  discardCopy,
  finishCopy,
  type Progress,
  partialPath,
  reserveCopy,
} from '../stores/sqlite/sqlite-backup.ts';
import { type RestoredSequence, readBackup, restoreDatabase, type Targets } from '../stores/sqlite/sqlite-restore.ts';

const SILENCE_MAX_MS = 60_000;

const embedded = ({ redis, dataDir }: Settings, command: string): string => {
  if (redis !== undefined) {
    throw new Error(
      `The command ${command} is for the embedded database: without REDIS_URL. docs/operations.md says how Redis and PostgreSQL are backed up.`,
    );
  }
  return dataDir;
};

/**
 * Asks the service that has the database open. @returns false when none does. @throws Error with the reason of a
 * refusal.
 */
const copyThroughService = (dataDir: string, file: string, progress: Progress): Promise<boolean> => {
  const { promise, resolve: done, reject } = Promise.withResolvers<boolean>();
  const socketPath = controlSocketPath(dataDir);
  if (socketPath === undefined || !existsSync(socketPath)) return Promise.resolve(false);
  const asked = request({ socketPath, method: 'POST', path: '/backup', timeout: SILENCE_MAX_MS }, (reply) => {
    let last: { done?: number; total?: number; error?: string; finished?: boolean } = {};
    createInterface({ input: reply })
      .on('line', (line) => {
        last = JSON.parse(line);
        if (last.done !== undefined) progress(last.done, last.total ?? 0);
      })
      .on('close', () => {
        if (last.finished) done(true);
        else reject(new Error(`The service could not copy its database: ${last.error ?? 'it ended meanwhile'}`));
      });
  });
  asked.on('timeout', () => asked.destroy(new Error(`The service said nothing for ${SILENCE_MAX_MS} ms.`)));
  asked.on('error', (error) => {
    // A socket that a killed process left behind.
    if ('code' in error && (error.code === 'ECONNREFUSED' || error.code === 'ENOENT')) done(false);
    else reject(error);
  });
  asked.end(JSON.stringify({ file: partialPath(file) }));
  return promise;
};

const createProgress = (say: (line: string) => void): Progress => {
  let told = 0;
  return (done, total) => {
    const tenth = total === 0 ? 10 : Math.floor((done * 10) / total);
    if (tenth <= told) return;
    told = tenth;
    say(`${tenth * 10} %`);
  };
};

/** Copies the database to a file of its own, also while the service runs. @throws Error with a sentence for the operator. */
export const backUp = async (settings: Settings, given: string, say: (line: string) => void): Promise<void> => {
  const dataDir = embedded(settings, 'backup');
  const file = resolve(given);
  reserveCopy(file);
  try {
    const progress = createProgress(say);
    if (!(await copyThroughService(dataDir, file, progress))) await copyOffline(dataDir, file, progress);
    finishCopy(file);
  } catch (error) {
    discardCopy(file);
    throw error;
  }
  say(`Backed up to ${file}.`);
};

export interface RestoreOptions {
  /** `KEY=VALUE` or `KEY@PERIOD=VALUE`. */
  readonly highest: readonly string[];
  /** A file of such lines. */
  readonly highestFile: string | undefined;
  readonly margin: string | undefined;
}

const nameOf = ({ prefixKey, period }: Pick<RestoredSequence, 'prefixKey' | 'period'>): string =>
  period === '' ? prefixKey : `${prefixKey}@${period}`;

const HIGHEST_RULE = 'KEY=VALUE or KEY@PERIOD=VALUE, such as INV=4711 or INV@2026=4711';

const readHighest = ({ highest, highestFile }: RestoreOptions): Map<string, bigint> => {
  const lines = highestFile === undefined ? [] : readFileSync(highestFile, 'utf8').split(/\r?\n/);
  const entries = [
    ...highest,
    ...lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#')),
  ];
  return new Map(
    entries.map((entry): [string, bigint] => {
      const [, name = '', text = ''] = /^([^=]+)=([0-9]+)$/.exec(entry) ?? [];
      const value = parseValue(text);
      if (name === '' || value === undefined) throw new Error(`"${entry}" is not a highest number: ${HIGHEST_RULE}.`);
      return [name, value];
    }),
  );
};

const readMargin = (text: string | undefined): bigint | undefined => {
  if (text === undefined) return undefined;
  const margin = parseValue(text);
  if (margin === undefined) throw new Error(`--margin: a whole number, not "${text}".`);
  return margin;
};

/** @throws Error that asks for what is missing. */
const planTargets = (sequences: readonly RestoredSequence[], options: RestoreOptions): Targets => {
  const highest = readHighest(options);
  const margin = readMargin(options.margin);
  const names = new Set(sequences.map(nameOf));
  const unknown = [...highest.keys()].filter((name) => !names.has(name));
  if (unknown.length > 0) {
    throw new Error(
      `Not in the backup: ${unknown.join(', ')}. Leave it out here, and register it anew with initialSeq at its highest number.`,
    );
  }
  const open = sequences.filter((sequence) => !highest.has(nameOf(sequence)));
  if (margin === undefined && open.length > 0) {
    const shown = open.map((sequence) => `  ${nameOf(sequence)}=${sequence.value}`).join('\n');
    throw new Error(
      `What was issued after the backup is not in it and would come again. Say the highest number that was issued of each sequence (--highest ${HIGHEST_RULE}; or --highest-file with a line for each), or by how much to move the others (--margin 10000; --margin 0 when nothing was issued since). In the backup they stand at:\n${shown}`,
    );
  }
  return (sequence) => {
    const named = highest.get(nameOf(sequence));
    if (named !== undefined) return named;
    return margin === undefined || margin === 0n ? undefined : sequence.value + margin;
  };
};

/** Puts a backup in the place of the database. @throws Error with a sentence for the operator. */
export const restore = (
  settings: Settings,
  given: string,
  options: RestoreOptions,
  nowMs: number,
  say: (line: string) => void,
): void => {
  const dataDir = embedded(settings, 'restore');
  const file = resolve(given);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const targets = planTargets(readBackup(file), options);
  const { moved, aside } = restoreDatabase({ dataDir, file, targets, reason: `Restored from ${given}`, nowMs });
  for (const sequence of moved) say(`${nameOf(sequence)}: moved from ${sequence.value} to ${sequence.to}`);
  for (const path of aside) say(`Kept aside: ${path}`);
  say(`Restored from ${file}.`);
};
