/** Starts a child process that cannot outlive the one that started it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface ExitStatus {
  /** The exit code, or null when a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface GuardedOptions {
  /** The whole environment of the child: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** A directory to delete when this process dies without having ended the child. */
  readonly orphanDir?: string;
  /** Called with each line of the child's standard output and standard error. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
}

export interface GuardedProcess {
  readonly pid: number;
  /** Resolves when the process has ended and its output has been read to the end. Never rejects. */
  readonly exited: Promise<ExitStatus>;
  /** False as soon as the process has ended. */
  isRunning(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** Sends SIGTERM, and SIGKILL when the process is still there after `timeoutMs`. */
  end(timeoutMs: number): Promise<ExitStatus>;
}

// Waits on a pipe from this process. "done" sends it home; the pipe's end means that this process died, however it did.
// Children of the killed process may still be writing when the directory is first deleted.
const WATCH =
  'read -r word; [ "$word" = done ] || { kill -9 "$1"; [ -z "$2" ] || rm -rf -- "$2" || { sleep 2; rm -rf -- "$2"; }; }';

/** A session of its own keeps the guard alive when the terminal or CI kills this process's whole group. */
const startGuard = (pid: number, orphanDir: string): ChildProcess => {
  const guard = spawn('/bin/sh', ['-c', WATCH, 'guard', String(pid), orphanDir], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // It may be gone already; then there is nothing to stop.
  guard.stdin?.on('error', () => undefined);
  guard.unref();
  return guard;
};

/** @throws when the command cannot be started. */
export const startGuardedProcess = async (
  command: string,
  args: readonly string[],
  options: GuardedOptions,
): Promise<GuardedProcess> => {
  const { env, cwd, orphanDir = '', onLine } = options;
  const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<ExitStatus>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  for (const stream of ['stdout', 'stderr'] as const) {
    createInterface({ input: child[stream] }).on('line', (line) => onLine?.(line, stream));
  }
  await once(child, 'spawn');
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} has no process id.`);

  const guard = startGuard(pid, orphanDir);
  child.once('close', () => guard.stdin?.end('done\n'));

  return {
    pid,
    exited,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    signal: (signal) => void child.kill(signal),
    async end(timeoutMs) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      try {
        return await exited;
      } finally {
        clearTimeout(timer);
      }
    },
  };
};
