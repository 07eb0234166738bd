/** Notices what an app leaves open: servers, sockets, timers (unreferenced ones too), child processes. */
import { createHook } from 'node:async_hooks';
import { setTimeout } from 'node:timers/promises';

// Long enough for a machine that is busy with other test files.
const CLOSING_MS = 20_000;
const CHECK_INTERVAL_MS = 5;

const WATCHED: Readonly<Record<string, string>> = {
  TCPSERVERWRAP: 'server',
  TCPWRAP: 'socket',
  UDPWRAP: 'UDP socket',
  PIPEWRAP: 'pipe',
  PROCESSWRAP: 'child process',
  WORKER: 'worker',
  FSEVENTWRAP: 'file watcher',
  Timeout: 'timer',
};

// The test runner's own timers, the connection pool of fetch, this file, and the timer of Node's text for the Date header:
// one for the whole process, up to a second long.
const NOT_OURS = /node_modules\/@?vitest\/|node:internal\/deps\/undici|leak-check\.ts|utcDate \(node:internal\/http:/;
// Servers that a test starts and stops while the app runs: the test closes them itself.
const OF_THE_TEST = /guarded-process\.ts/;

/** The frames of Node itself, and the first other one, which opened it. */
const openerOf = (stack: string): string => {
  const frames = stack.split('\n').slice(2);
  const outside = frames.findIndex((frame) => !frame.includes('node:'));
  return frames
    .slice(0, outside === -1 ? frames.length : outside + 1)
    .map((frame) => frame.trim().replace(/\?vitest=\d+/, ''))
    .join('\n');
};

/** What each watch that has not ended has seen opened, and not closed yet. */
const watches = new Set<Map<number, string>>();

/** What is still open may belong to an app that lives on: the watch over that one looks at it when it ends. */
const handOver = (open: ReadonlyMap<number, string>, [other]: readonly Map<number, string>[]): boolean => {
  for (const [id, opener] of open) other?.set(id, opener);
  return other !== undefined;
};

/**
 * Watches from now on. The function returned resolves when everything that was opened since is closed, and throws an
 * Error that lists what is still open after `closingMs` (20 s), with the place where it was opened. It ends the watch. While
 * another watch goes on, the list is handed over to that one.
 */
export const watchOpenResources = (): ((closingMs?: number) => Promise<void>) => {
  const open = new Map<number, string>();
  watches.add(open);
  const hook = createHook({
    init(id, type) {
      const name = WATCHED[type];
      if (name === undefined) return;
      const stack = new Error('opened').stack ?? '';
      const opener = openerOf(stack);
      if (!NOT_OURS.test(opener) && !OF_THE_TEST.test(stack))
        open.set(id, `${name}, opened ${opener.split('\n').at(-1)}`);
    },
    destroy(id) {
      open.delete(id);
    },
  }).enable();

  return async (closingMs = CLOSING_MS) => {
    watches.delete(open);
    if (handOver(open, [...watches])) {
      hook.disable();
      return;
    }
    const deadline = performance.now() + closingMs;
    while (open.size > 0 && performance.now() < deadline) await setTimeout(CHECK_INTERVAL_MS);
    hook.disable();
    if (open.size > 0) throw new Error(`Left open: ${[...open.values()].join('; ')}`);
  };
};
