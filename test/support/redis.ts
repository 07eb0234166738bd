/** Real Redis servers for tests: one process each, to stop, kill, pause and start again at will. */
import { execFile } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { type GuardedProcess, startGuardedProcess } from './guarded-process.ts';

const run = promisify(execFile);

export const REDIS_MAJOR_MIN = 7;
const HOW_TO_GET_REDIS =
  `Tests need redis-server ${REDIS_MAJOR_MIN}.0 or newer: install it (Debian, Ubuntu: apt-get install redis-server; ` +
  `macOS: brew install redis). ` +
  `TEST_REDIS_URL or a Docker engine serves most tests, but not those that stop and restart a server of their own.`;

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
// A sentinel says its id instead.
const READY = /Ready to accept connections|Sentinel ID is/;
const INSTALL_TIMEOUT_MS = 300_000;
const PORT_ATTEMPTS_MAX = 10;
// Below the ports that Linux and macOS give to outgoing connections, so that nothing takes it while the server is down.
const PORT_FIRST = 10_240;
const PORT_LAST = 32_000;

export interface RedisServerOptions {
  /** Keep an append-only file (fsync every second), so that the data survives `kill()` and `restart()`. Default false: nothing is saved. */
  readonly appendonly?: boolean;
  /** Default: a free one. */
  readonly port?: number;
  /** Where the data lies; kept by `close()`. Default: a temporary directory that `close()` deletes. */
  readonly dir?: string;
  /** Lines of a configuration file in the server's directory, for what must be able to write to it: a sentinel. */
  readonly config?: readonly string[];
  /** More arguments of redis-server, such as `['--maxmemory-policy', 'allkeys-lru']`. */
  readonly args?: readonly string[];
}

/** One redis-server process on 127.0.0.1. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  /** The process id; another one after `restart()`. */
  pid(): number;
  /** Ends the server cleanly (SIGTERM). Port and data stay reserved for `restart()`. */
  stop(): Promise<void>;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Starts the server again on the same port and data, after `stop()` if it runs. Resolves when it accepts connections. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open, nothing is answered. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** Ends the server, whatever its state, and deletes its temporary directory. May be called twice. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Where an executable of this name lies: on the PATH, or where package managers put them. */
export const findOnPath = (name: string): string | undefined => {
  const dirs = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'];
  return dirs.map((dir) => join(dir, name)).find(isExecutable);
};

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** RUNLEVEL=1 keeps Debian from starting the packaged server on port 6379. */
const installByApt = async (): Promise<void> => {
  const apt = findOnPath('apt-get');
  if (apt === undefined) throw new Error(HOW_TO_GET_REDIS);
  const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const [command = 'env', ...args] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1', apt];
  const lock = ['-o', 'DPkg::Lock::Timeout=240'];
  try {
    await run(command, [...args, ...lock, 'update'], { timeout: INSTALL_TIMEOUT_MS });
    await run(command, [...args, ...lock, 'install', '-y', 'redis-server'], { timeout: INSTALL_TIMEOUT_MS });
  } catch (cause) {
    throw new Error(`apt-get could not install redis-server. ${HOW_TO_GET_REDIS}`, { cause });
  }
};

let binary: Promise<string> | undefined;

const obtainBinary = async (): Promise<string> => {
  if (findOnPath('redis-server') === undefined) await installByApt();
  const path = findOnPath('redis-server');
  if (path === undefined) throw new Error(HOW_TO_GET_REDIS);
  const { stdout } = await run(path, ['--version']);
  const major = Number(/v=(\d+)\./.exec(stdout)?.[1]);
  if (!(major >= REDIS_MAJOR_MIN)) throw new Error(`${path} is too old (${stdout.trim()}). ${HOW_TO_GET_REDIS}`);
  return path;
};

/**
 * The path of a redis-server ≥ 7.0: from the PATH, or installed by apt-get (as root or by sudo without a password).
 * @throws an Error that says what to do when there is none.
 */
const redisServerBinary = (): Promise<string> => {
  binary ??= obtainBinary();
  return binary;
};

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });

/** A loopback port that nobody listens on, and that no outgoing connection will take. */
export const findFreePort = async (): Promise<number> => {
  for (;;) {
    const port = PORT_FIRST + Math.floor(Math.random() * (PORT_LAST - PORT_FIRST));
    if (await isFree(port)) return port;
  }
};

// A test run that forgets `close()` must not fill the disk.
const temporaryDirs = new Set<string>();
process.once('exit', () => {
  for (const dir of temporaryDirs) rmSync(dir, { recursive: true, force: true });
});

interface Launch {
  readonly config: string | undefined;
  readonly port: number;
  readonly dir: string;
  readonly orphanDir: string;
  readonly args: readonly string[];
}

/** Resolves when the server accepts connections; `undefined` when somebody else has taken the port. */
const launch = async ({ config, port, dir, orphanDir, args }: Launch): Promise<GuardedProcess | undefined> => {
  const output: string[] = [];
  const { promise: ready, resolve } = Promise.withResolvers<'ready'>();
  const server = await startGuardedProcess(
    await redisServerBinary(),
    [...(config === undefined ? [] : [config]), '--bind', '127.0.0.1', '--port', String(port), '--dir', dir, ...args],
    {
      env: {},
      orphanDir,
      onLine: (line) => {
        output.push(line);
        if (READY.test(line)) resolve('ready');
      },
    },
  );
  const timer = setTimeout(() => server.signal('SIGKILL'), START_TIMEOUT_MS);
  const outcome = await Promise.race([ready, server.exited]);
  clearTimeout(timer);
  if (outcome === 'ready') return server;
  if (output.some((line) => line.includes('Address already in use'))) return undefined;
  throw new Error(`redis-server did not start:\n${output.join('\n')}`);
};

/**
 * Starts a Redis of the caller's own. It is killed when this process dies.
 * @throws when no redis-server can be had, when it does not come up, or when the port asked for is taken.
 */
export const startRedisServer = async (options: RedisServerOptions = {}): Promise<RedisServer> => {
  const { appendonly = false, args = [], config } = options;
  // A sentinel keeps no data, and knows no settings about it.
  const persistence = config === undefined ? ['--save', '', '--appendonly', appendonly ? 'yes' : 'no'] : [];
  const temporaryDir = options.dir === undefined ? mkdtempSync(join(tmpdir(), 'test-redis-')) : undefined;
  const dir = options.dir ?? temporaryDir ?? '';
  if (temporaryDir !== undefined) temporaryDirs.add(temporaryDir);
  const configFile = config === undefined ? undefined : join(dir, 'redis.conf');
  if (configFile !== undefined) writeFileSync(configFile, `${config?.join('\n')}\n`);

  const start = (port: number): Promise<GuardedProcess | undefined> =>
    launch({
      config: configFile,
      port,
      dir,
      orphanDir: temporaryDir ?? '',
      args: [...persistence, ...args],
    });

  let port = options.port ?? (await findFreePort());
  let server = await start(port);
  for (let attempt = 1; server === undefined && options.port === undefined; attempt++) {
    if (attempt === PORT_ATTEMPTS_MAX) throw new Error(`No free port after ${attempt} attempts.`);
    port = await findFreePort();
    server = await start(port);
  }
  if (server === undefined) throw new Error(`Port ${port} is taken.`);
  let current = server;

  const stop = async (): Promise<void> => {
    // A paused process would not see SIGTERM.
    current.signal('SIGCONT');
    await current.end(STOP_TIMEOUT_MS);
  };
  const close = async (): Promise<void> => {
    await stop();
    if (temporaryDir === undefined) return;
    rmSync(temporaryDir, { recursive: true, force: true });
    temporaryDirs.delete(temporaryDir);
  };

  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    dir,
    pid: () => current.pid,
    stop,
    async kill() {
      current.signal('SIGKILL');
      await current.exited;
    },
    async restart() {
      await stop();
      const next = await start(port);
      if (next === undefined) throw new Error(`Port ${port} was taken while the server was down.`);
      current = next;
    },
    pause: () => current.signal('SIGSTOP'),
    resume: () => current.signal('SIGCONT'),
    close,
    [Symbol.asyncDispose]: close,
  };
};
