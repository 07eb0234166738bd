/** Real PostgreSQL servers for tests: one cluster each, to stop, kill, pause and start again at will. */
import { execFile } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type GuardedProcess, startGuardedProcess } from './guarded-process.ts';
import { postgresBinaries } from './postgres-binaries.ts';
import { findFreePort } from './redis.ts';

const run = promisify(execFile);

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
const PORT_ATTEMPTS_MAX = 10;

export interface PostgresServerOptions {
  /** More arguments of postgres, such as `['-c', 'max_connections=5']`. */
  readonly args?: readonly string[];
}

/** One PostgreSQL on 127.0.0.1, without Unix sockets; commits are flushed to the disk, as in production. */
export interface PostgresServer {
  /** For `DATABASE_URL`; superuser `postgres`, database `postgres`, no password. */
  readonly url: string;
  readonly port: number;
  /** Ends the server cleanly; connections are cut. Port and data stay reserved for `restart()`. */
  stop(): Promise<void>;
  /** `kill -9` of all its processes at once. */
  kill(): Promise<void>;
  /** Starts the server again on the same port and data, after `stop()` if it runs. Resolves when it accepts connections. */
  restart(): Promise<void>;
  /** SIGSTOP to all its processes: connections stay open, nothing is answered. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** Ends the server, whatever its state, and deletes its data. May be called twice. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const temporaryDirs = new Set<string>();
process.once('exit', () => {
  for (const dir of temporaryDirs) rmSync(dir, { recursive: true, force: true });
});

/** A data directory without its fsyncs, which only a power cut during this test could need. */
const createCluster = async (): Promise<string> => {
  const { initdb, asUser, owner } = await postgresBinaries();
  const dir = mkdtempSync(join(tmpdir(), 'test-postgres-'));
  temporaryDirs.add(dir);
  if (owner !== undefined) chownSync(dir, owner.uid, owner.gid);
  const options = ['-D', dir, '--no-sync', '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--no-locale'];
  const [command = '', ...args] = [...asUser, initdb, ...options];
  await run(command, args, { env: {}, cwd: '/' });
  return dir;
};

/** Resolves when the server accepts connections; `undefined` when somebody else has taken the port. */
const launch = async (dir: string, port: number, more: readonly string[]): Promise<GuardedProcess | undefined> => {
  const { postgres, asUser } = await postgresBinaries();
  const output: string[] = [];
  const { promise: ready, resolve } = Promise.withResolvers<'ready'>();
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'logging_collector=off',
    // In the data directory, so that nothing stays in /dev/shm after kill -9.
    'dynamic_shared_memory_type=mmap',
    'shared_buffers=16MB',
  ].flatMap((setting) => ['-c', setting]);
  const [command = '', ...args] = [...asUser, postgres, '-D', dir, ...settings, ...more];
  const server = await startGuardedProcess(command, args, {
    env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' },
    cwd: '/',
    orphanDir: dir,
    onLine: (line) => {
      output.push(line);
      if (line.includes('ready to accept connections')) resolve('ready');
    },
  });
  const timer = setTimeout(() => server.signal('SIGKILL'), START_TIMEOUT_MS);
  const outcome = await Promise.race([ready, server.exited]);
  clearTimeout(timer);
  if (outcome === 'ready') return server;
  if (output.some((line) => line.includes('Address already in use'))) return undefined;
  throw new Error(`PostgreSQL did not start:\n${output.join('\n')}`);
};

/** The server's processes but the first: each is in a session of its own, so no signal to a group reaches them. */
const childrenOf = (pid: number): number[] => {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return children.split(' ').map(Number).filter(Boolean);
  } catch {
    // Not Linux: they notice by themselves, within a second, that the first one is gone.
    return [];
  }
};

const signalChildren = (pid: number, signal: NodeJS.Signals): void => {
  for (const child of childrenOf(pid)) {
    try {
      process.kill(child, signal);
    } catch {
      // Ended meanwhile.
    }
  }
};

/** Stopped before its children are listed, so that it starts no other one. */
const signalAll = (server: GuardedProcess, signal: NodeJS.Signals): void => {
  if (!server.isRunning()) return;
  if (signal !== 'SIGCONT') server.signal('SIGSTOP');
  signalChildren(server.pid, signal);
  server.signal(signal);
};

/** SIGINT cuts the connections and writes everything down; SIGTERM would wait for the clients to leave. */
const end = async (server: GuardedProcess, signal: 'SIGINT' | 'SIGQUIT'): Promise<void> => {
  signalAll(server, 'SIGCONT');
  server.signal(signal);
  const timer = setTimeout(() => signalAll(server, 'SIGKILL'), STOP_TIMEOUT_MS);
  await server.exited;
  clearTimeout(timer);
};

/** What kill -9 leaves behind in the system: 56 bytes, under the number in the seventh line of a file that a clean end deletes. */
const freeSharedMemory = async (dir: string): Promise<void> => {
  try {
    const [, id = ''] = (readFileSync(join(dir, 'postmaster.pid'), 'utf8').split('\n')[6] ?? '').trim().split(/ +/);
    await run('ipcrm', ['-m', id]);
  } catch {
    // It ended cleanly, or the segment is gone.
  }
};

/**
 * Starts a PostgreSQL of the caller's own, in about a second. It is killed when this process dies.
 * @throws when none can be had or it does not come up.
 */
export const startPostgresServer = async ({ args = [] }: PostgresServerOptions = {}): Promise<PostgresServer> => {
  const dir = await createCluster();
  let port = await findFreePort();
  let started = await launch(dir, port, args);
  for (let attempt = 1; started === undefined; attempt++) {
    if (attempt === PORT_ATTEMPTS_MAX) throw new Error(`No free port after ${attempt} attempts.`);
    port = await findFreePort();
    started = await launch(dir, port, args);
  }
  let current = started;

  const close = async (): Promise<void> => {
    await end(current, 'SIGQUIT');
    await freeSharedMemory(dir);
    rmSync(dir, { recursive: true, force: true });
    temporaryDirs.delete(dir);
  };

  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    port,
    stop: () => end(current, 'SIGINT'),
    async kill() {
      signalAll(current, 'SIGKILL');
      await current.exited;
    },
    async restart() {
      await end(current, 'SIGINT');
      const next = await launch(dir, port, args);
      if (next === undefined) throw new Error(`Port ${port} was taken while the server was down.`);
      current = next;
    },
    pause: () => signalAll(current, 'SIGSTOP'),
    resume: () => signalAll(current, 'SIGCONT'),
    close,
    [Symbol.asyncDispose]: close,
  };
};
