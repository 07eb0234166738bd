/** The real service as a process of its own, started as `npm start` does, known only by its environment, its HTTP replies, its log and its exit code. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ExitStatus, type GuardedProcess, startGuardedProcess } from './guarded-process.ts';
import { startArgsOf } from './start-command.ts';

const ROOT = join(import.meta.dirname, '../..');
const MAIN = 'src/main.ts';
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 40_000;
const LOG_TIMEOUT_MS = 30_000;

/** One line of the pino log. */
export type LogLine = Readonly<Record<string, unknown>>;

export interface ServiceOptions {
  /** Where the code lies; another version's, perhaps. Default: this repository. */
  readonly root?: string;
  /** Added to the defaults (a free port on 127.0.0.1, AUTH=off, SHUTDOWN_DRAIN_MS=0, a temporary DATA_DIR). Nothing else is inherited but PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>;
  /** How long the service may take until it listens. */
  readonly startTimeoutMs?: number;
}

/** A running service. */
export interface Service {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Hand it to a second `startService` as DATA_DIR to start on the same data; delete nothing by hand. */
  readonly dataDir: string;
  /** Resolves when the process has ended, however it did. */
  readonly exited: Promise<ExitStatus>;
  /** Every line of the log so far, parsed; a line that is not JSON is `{ text }`. */
  logs(): readonly LogLine[];
  /** What the process has written to standard error so far. */
  errorOutput(): string;
  /**
   * Resolves with the first line, past or future, that the predicate accepts.
   * @throws after `timeoutMs` (30 s), or when the process ends without such a line; the message holds the log.
   */
  waitForLog(predicate: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine>;
  /** SIGTERM; resolves with the exit code, null when the service had to be killed after 40 s. */
  stop(): Promise<number | null>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open, nothing is answered. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** `stop()`, and its temporary data directory is deleted. May be called twice, and after `kill()`. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a command such as `node src/main.ts token` left behind. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const temporaryDirs = new Set<string>();
process.once('exit', () => {
  for (const dir of temporaryDirs) rmSync(dir, { recursive: true, force: true });
});

const makeDataDir = (): string => {
  const dir = mkdtempSync(join(tmpdir(), 'test-data-'));
  temporaryDirs.add(dir);
  return dir;
};

const deleteDataDir = (dir: string): void => {
  if (temporaryDirs.delete(dir)) rmSync(dir, { recursive: true, force: true });
};

/** PATH and HOME of the developer, and where coverage goes when vitest measures it; no stray setting. */
const inheritedEnv = (): Record<string, string> => {
  const names = ['PATH', 'HOME', 'NODE_V8_COVERAGE'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
};

const parseLine = (text: string): LogLine => {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === 'object' && line !== null ? { ...line } : { text };
  } catch {
    return { text };
  }
};

interface Watcher {
  readonly predicate: (line: LogLine) => boolean;
  readonly resolve: (line: LogLine) => void;
}

/** Collects the lines of a log and lets callers await one. */
const createLog = () => {
  const lines: LogLine[] = [];
  const watchers = new Set<Watcher>();

  return {
    lines,
    append(text: string): void {
      const line = parseLine(text);
      lines.push(line);
      for (const watcher of watchers) {
        if (watcher.predicate(line)) watcher.resolve(line);
      }
    },
    async waitFor(
      predicate: (line: LogLine) => boolean,
      timeoutMs: number,
      ended: Promise<ExitStatus>,
      describe: () => string,
    ): Promise<LogLine> {
      const past = lines.find(predicate);
      if (past !== undefined) return past;
      const { promise, resolve, reject } = Promise.withResolvers<LogLine>();
      const watcher: Watcher = { predicate, resolve };
      watchers.add(watcher);
      const timer = setTimeout(
        () => reject(new Error(`No such log line within ${timeoutMs} ms. ${describe()}`)),
        timeoutMs,
      );
      const end = ended.then(({ code, signal }): LogLine => {
        throw new Error(`The service ended (${signal ?? `exit code ${code}`}) without such a log line. ${describe()}`);
      });
      try {
        return await Promise.race([promise, end]);
      } finally {
        clearTimeout(timer);
        watchers.delete(watcher);
      }
    },
  };
};

/**
 * Starts the service and waits until it listens. It stops without a drain, unless SHUTDOWN_DRAIN_MS is given.
 * @throws when it ends or stays silent instead; the message holds its log.
 */
export const startService = async (options: ServiceOptions = {}): Promise<Service> => {
  const dataDir = options.env?.['DATA_DIR'] ?? makeDataDir();
  const log = createLog();
  const errors: string[] = [];
  const describe = (): string =>
    `Log:\n${log.lines.map((line) => JSON.stringify(line)).join('\n')}\n${errors.join('\n')}`;

  const child: GuardedProcess = await startGuardedProcess(process.execPath, startArgsOf(options.root ?? ROOT), {
    cwd: options.root ?? ROOT,
    env: {
      ...inheritedEnv(),
      HOST: '127.0.0.1',
      PORT: '0',
      AUTH: 'off',
      SHUTDOWN_DRAIN_MS: '0',
      DATA_DIR: dataDir,
      ...options.env,
    },
    orphanDir: temporaryDirs.has(dataDir) ? dataDir : '',
    onLine: (line, stream) => {
      if (stream === 'stdout') log.append(line);
      else errors.push(line);
    },
  });

  const waitForLog = (predicate: (line: LogLine) => boolean, timeoutMs = LOG_TIMEOUT_MS): Promise<LogLine> =>
    log.waitFor(predicate, timeoutMs, child.exited, describe);
  const stop = async (): Promise<number | null> => {
    child.signal('SIGCONT');
    return (await child.end(STOP_TIMEOUT_MS)).code;
  };
  const kill = async (): Promise<void> => {
    child.signal('SIGKILL');
    await child.exited;
  };
  const close = async (): Promise<void> => {
    await stop();
    deleteDataDir(dataDir);
  };

  const listening = await waitForLog(
    (line) => line['event'] === 'listening',
    options.startTimeoutMs ?? START_TIMEOUT_MS,
  ).catch(async (error: unknown) => {
    await kill();
    deleteDataDir(dataDir);
    throw error;
  });
  const port = Number(listening['port']);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    pid: child.pid,
    dataDir,
    exited: child.exited,
    logs: () => log.lines,
    errorOutput: () => errors.join('\n'),
    waitForLog,
    stop,
    kill,
    pause: () => child.signal('SIGSTOP'),
    resume: () => child.signal('SIGCONT'),
    close,
    [Symbol.asyncDispose]: close,
  };
};

/**
 * Runs `node src/main.ts …args` to its end, for commands (`token`) and for starts that must be refused.
 * A process that is still there after `timeoutMs` is killed (code null). Nothing is inherited but PATH and HOME.
 */
export const runMain = async (
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  timeoutMs = START_TIMEOUT_MS,
): Promise<CommandResult> => {
  const ownDir = env['DATA_DIR'] === undefined;
  const dataDir = env['DATA_DIR'] ?? makeDataDir();
  const output = { stdout: '', stderr: '' };
  const child = await startGuardedProcess(process.execPath, [MAIN, ...args], {
    cwd: ROOT,
    env: { ...inheritedEnv(), HOST: '127.0.0.1', PORT: '0', DATA_DIR: dataDir, ...env },
    orphanDir: ownDir ? dataDir : '',
    onLine: (line, stream) => {
      output[stream] += `${line}\n`;
    },
  });
  const timer = setTimeout(() => child.signal('SIGKILL'), timeoutMs);
  const { code } = await child.exited;
  clearTimeout(timer);
  if (ownDir) deleteDataDir(dataDir);
  return { code, ...output };
};
