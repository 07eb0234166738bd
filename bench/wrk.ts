/** One run of wrk: what it asks, and what it measured. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SCRIPTS = join(import.meta.dirname, 'wrk');
const GRACE_MS = 30_000;

export interface WrkOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly seconds: number;
  /** Ask for numbers of so many prefixes instead. */
  readonly prefixes?: { readonly count: number; readonly spread: 'uniform' | 'zipf' } | undefined;
}

export interface WrkResult {
  readonly requests: number;
  readonly durationUs: number;
  readonly p50Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
  /** Requests that were not answered, or not with 2xx or 3xx. */
  readonly failed: number;
}

/** @throws when wrk does not run, or measured nothing. */
export const runWrk = async ({ url, headers, connections, seconds, prefixes }: WrkOptions): Promise<WrkResult> => {
  const headerArgs = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const script = join(SCRIPTS, prefixes === undefined ? 'measure.lua' : 'prefixes.lua');
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', ...headerArgs, '-s', script, url];
  const scriptArgs = prefixes === undefined ? [] : ['--', String(prefixes.count), prefixes.spread];
  const { stdout } = await run('wrk', [...args, ...scriptArgs], { timeout: seconds * 1_000 + GRACE_MS });
  const [, measured] = /^measured (\{.*\})$/m.exec(stdout) ?? [];
  if (measured === undefined) throw new Error(`wrk measured nothing:\n${stdout}`);
  return JSON.parse(measured) as WrkResult;
};
