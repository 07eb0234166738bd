/** A real HAProxy in front of nodes of the service: it asks /readyz, spreads the requests, and counts what went wrong. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startGuardedProcess } from './guarded-process.ts';
import { findFreePort, findOnPath } from './redis.ts';

const run = promisify(execFile);
const INSTALL_TOOL = join(import.meta.dirname, '../../.ci/install-tool');
const INSTALL_TIMEOUT_MS = 300_000;
const START_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 5_000;
const POLL_MS = 20;
/** How often HAProxy asks /readyz, and how many answers it wants before it believes a change. */
export const CHECKS = { intervalMs: 200, fall: 2, rise: 2 };

/** What HAProxy counted of one server; retries and redispatches are what hides failures from clients. */
export interface ServerCounts {
  readonly server: string;
  readonly up: boolean;
  readonly requests: number;
  readonly connectErrors: number;
  readonly responseErrors: number;
  readonly retries: number;
  readonly redispatches: number;
}

export interface Haproxy {
  readonly url: string;
  counts(): Promise<readonly ServerCounts[]>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** @throws when there is none and apt-get cannot install it. */
const haproxyBinary = async (): Promise<string> => {
  const find = (): string | undefined => findOnPath('haproxy') ?? findOnPath('../sbin/haproxy');
  if (find() === undefined) await run(INSTALL_TOOL, ['haproxy'], { timeout: INSTALL_TIMEOUT_MS });
  const path = find();
  if (path === undefined)
    throw new Error('The tests need haproxy: install it (Debian, Ubuntu: apt-get install haproxy).');
  return path;
};

// `retries 0`: whatever fails between the proxy and a node must reach the client, so that a test sees it.
const configOf = (port: number, socket: string, ports: readonly number[]): string => `
global
  stats socket ${socket}
defaults
  mode http
  retries 0
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout check 2s
frontend numbers
  bind 127.0.0.1:${port}
  default_backend nodes
backend nodes
  balance roundrobin
  option httpchk GET /readyz
  http-check expect status 200
  default-server check inter ${CHECKS.intervalMs}ms fall ${CHECKS.fall} rise ${CHECKS.rise}
${ports.map((nodePort, index) => `  server node-${index} 127.0.0.1:${nodePort}`).join('\n')}
`;

/** The statistics of HAProxy are CSV; the first line names the columns. */
const countsOf = (csv: string): ServerCounts[] => {
  const [head = '', ...lines] = csv.trim().split('\n');
  const columns = head.replace(/^# /, '').split(',');
  const rows = lines.map((line) => {
    const cells = line.split(',');
    return new Map(columns.map((column, index) => [column, cells[index] ?? '']));
  });
  return rows
    .filter((row) => row.get('svname')?.startsWith('node-') === true)
    .map((row) => ({
      server: row.get('svname') ?? '',
      up: row.get('status') === 'UP',
      requests: Number(row.get('hrsp_2xx')),
      connectErrors: Number(row.get('econ')),
      responseErrors: Number(row.get('eresp')),
      retries: Number(row.get('wretr')),
      redispatches: Number(row.get('wredis')),
    }));
};

/** Starts HAProxy on loopback in front of these ports. @throws when it does not come up; the message holds what it said. */
export const startHaproxy = async (ports: readonly number[]): Promise<Haproxy> => {
  const dir = mkdtempSync(join(tmpdir(), 'test-haproxy-'));
  const socket = join(dir, 'stats.sock');
  const config = join(dir, 'haproxy.cfg');
  const port = await findFreePort();
  writeFileSync(config, configOf(port, socket, ports));
  const output: string[] = [];
  const child = await startGuardedProcess(await haproxyBinary(), ['-db', '-f', config], {
    env: {},
    orphanDir: dir,
    onLine: (line) => output.push(line),
  });
  const counts = async (): Promise<ServerCounts[]> => {
    const connection = connect(socket);
    await once(connection, 'connect');
    connection.end('show stat\n');
    return countsOf(await text(connection));
  };
  const close = async (): Promise<void> => {
    await child.end(STOP_TIMEOUT_MS);
    rmSync(dir, { recursive: true, force: true });
  };
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const failure = await counts().then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure === undefined) break;
    if (!child.isRunning() || performance.now() > deadline) {
      await close();
      throw new Error(`HAProxy did not start. ${output.join('\n')}`, { cause: failure });
    }
    await delay(POLL_MS);
  }
  return { url: `http://127.0.0.1:${port}`, counts, close, [Symbol.asyncDispose]: close };
};
