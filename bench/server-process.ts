/** A server under load: a process on the server's core that says on which port it listens. */
import { join } from 'node:path';
import { startGuardedProcess } from '../test/support/guarded-process.ts';
import type { Placement } from './machine.ts';

const ROOT = join(import.meta.dirname, '..');
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;

export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  close(): Promise<void>;
}

export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Known beforehand, where the server does not say it. */
  readonly port?: number;
}

const portIn = (line: string): number | undefined => {
  if (!line.includes('"event":"listening"')) return undefined;
  return Number((JSON.parse(line) as { port: number }).port);
};

const answers = async (port: number): Promise<boolean> => {
  try {
    await (await fetch(`http://127.0.0.1:${port}/`)).text();
    return true;
  } catch {
    return false;
  }
};

/** @throws with what it wrote, when it does not come up within 30 s. */
export const startServer = async (
  placement: Placement | undefined,
  { command, args, env = {}, port: knownPort }: ServerCommand,
): Promise<ServerProcess> => {
  const output: string[] = [];
  const { promise: heard, resolve } = Promise.withResolvers<number>();
  const pinned = placement === undefined ? [] : ['taskset', '-c', placement.serverCpu];
  const [program = command, ...rest] = [...pinned, command, ...args];
  const child = await startGuardedProcess(program, rest, {
    cwd: ROOT,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    onLine: (line) => {
      output.push(line);
      const port = portIn(line);
      if (port !== undefined) resolve(port);
    },
  });
  const deadline = Date.now() + START_TIMEOUT_MS;
  const poll = setInterval(() => {
    if (knownPort !== undefined) void answers(knownPort).then((up) => up && resolve(knownPort));
    if (!child.isRunning() || Date.now() > deadline) resolve(0);
  }, 50);
  const port = await heard;
  clearInterval(poll);
  const close = async (): Promise<void> => void (await child.end(STOP_TIMEOUT_MS));
  if (port === 0) {
    await close();
    throw new Error(`${command} ${args.join(' ')} did not come up:\n${output.join('\n')}`);
  }
  return { url: `http://127.0.0.1:${port}`, pid: child.pid, close };
};
