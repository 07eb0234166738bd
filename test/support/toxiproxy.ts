/** A fault proxy on loopback: connections of a test's choice become slow, silent, cut or refused (Shopify/toxiproxy). */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { obtainCiTool } from './ci-tool.ts';
import { type GuardedProcess, startGuardedProcess } from './guarded-process.ts';

const run = promisify(execFile);

const HOW_TO_GET_TOXIPROXY =
  `The fault tests need the server of toxiproxy: set TOXIPROXY_SERVER to its path, or put toxiproxy-server on the PATH ` +
  `(https://github.com/Shopify/toxiproxy/releases), or install Go (https://go.dev/dl), with which the tests build it`;
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 5_000;
const PORT_ATTEMPTS_MAX = 10;

/** `downstream`: from the server to the client, so replies; `upstream`: requests. */
export interface Toxic {
  readonly type: 'latency' | 'timeout' | 'reset_peer' | 'limit_data';
  readonly stream: 'upstream' | 'downstream';
  readonly attributes: Readonly<Record<string, number>>;
}

/** One link to one server. */
export interface Link {
  readonly port: number;
  /** Spoils the connections, open and new; the function it returns takes that back. */
  add(toxic: Toxic): Promise<() => Promise<void>>;
  /** Takes all toxics back, and lets connections through again. */
  heal(): Promise<void>;
  /** Closes the connections, and refuses new ones. */
  disable(): Promise<void>;
  enable(): Promise<void>;
  /** Closes the connections, and leads new ones to another server. */
  redirect(upstreamPort: number): Promise<void>;
  /** Resets the open connections once. */
  cut(): Promise<void>;
}

export interface Toxiproxy {
  createProxy(name: string, upstreamPort: number): Promise<Link>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const pathDirs = (): string[] => (process.env['PATH'] ?? '').split(delimiter);

/** A program that `go install` left under the all too common name `server` may be anything. */
const isToxiproxy = async (path: string): Promise<boolean> => {
  if (!isExecutable(path)) return false;
  const { stdout } = await run(path, ['-version'], { timeout: STOP_TIMEOUT_MS }).catch(() => ({ stdout: '' }));
  return stdout.includes('toxiproxy');
};

const obtainBinary = async (): Promise<string> => {
  const chosen = process.env['TOXIPROXY_SERVER'];
  if (chosen !== undefined && chosen !== '') {
    if (await isToxiproxy(chosen)) return chosen;
    throw new Error(`TOXIPROXY_SERVER=${chosen} is no toxiproxy server. ${HOW_TO_GET_TOXIPROXY}`);
  }
  const places = [
    ...pathDirs().map((dir) => join(dir, 'toxiproxy-server')),
    join(homedir(), 'go/bin/toxiproxy-server'),
    join(homedir(), 'go/bin/server'),
  ];
  for (const place of places) {
    if (await isToxiproxy(place)) return place;
  }
  return obtainCiTool('toxiproxy-server').catch((cause) => {
    throw new Error(`It could not be built. ${HOW_TO_GET_TOXIPROXY}`, { cause });
  });
};

let binary: Promise<string> | undefined;

const findFreePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

const call = async (api: string, method: string, path: string, body?: unknown): Promise<unknown> => {
  const reply = await fetch(`${api}${path}`, {
    method,
    // A kept connection may be closed by the server just when the next call uses it.
    headers: { connection: 'close' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`toxiproxy: ${method} ${path}: ${reply.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
};

/** Resolves when the API answers; undefined when the process has ended before, for instance because the port was taken. */
const launch = async (port: number): Promise<GuardedProcess | undefined> => {
  binary ??= obtainBinary();
  const args = ['-host', '127.0.0.1', '-port', String(port)];
  const server = await startGuardedProcess(await binary, args, { env: { LOG_LEVEL: 'error' }, cwd: tmpdir() });
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (server.isRunning() && Date.now() < deadline) {
    const answers = await call(`http://127.0.0.1:${port}`, 'GET', '/proxies').then(
      () => true,
      () => false,
    );
    if (answers) return server;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await server.end(STOP_TIMEOUT_MS);
  return undefined;
};

const openProxy = async (api: string, name: string, upstreamPort: number): Promise<Link> => {
  const upstream = `127.0.0.1:${upstreamPort}`;
  const created = await call(api, 'POST', '/proxies', { name, upstream, listen: '127.0.0.1:0' });
  const path = `/proxies/${name}`;
  let toxics = 0;

  const add: Link['add'] = async (toxic) => {
    const toxicName = `toxic${++toxics}`;
    await call(api, 'POST', `${path}/toxics`, { ...toxic, name: toxicName });
    return async () => void (await call(api, 'DELETE', `${path}/toxics/${toxicName}`));
  };
  const setEnabled = async (enabled: boolean): Promise<void> => void (await call(api, 'POST', path, { enabled }));

  return {
    port: Number((created as { listen: string }).listen.split(':')[1]),
    add,
    heal: async () => {
      const { toxics: left } = (await call(api, 'GET', path)) as { toxics: { name: string }[] };
      for (const toxic of left) await call(api, 'DELETE', `${path}/toxics/${toxic.name}`);
      await setEnabled(true);
    },
    disable: () => setEnabled(false),
    enable: () => setEnabled(true),
    redirect: async (port) => void (await call(api, 'POST', path, { upstream: `127.0.0.1:${port}` })),
    cut: async () => {
      const remove = await add({ type: 'reset_peer', stream: 'downstream', attributes: { timeout: 0 } });
      await remove();
    },
  };
};

/** Starts a proxy server on a free loopback port. It is killed when this process dies. */
export const startToxiproxy = async (): Promise<Toxiproxy> => {
  for (let attempt = 1; attempt <= PORT_ATTEMPTS_MAX; attempt += 1) {
    const port = await findFreePort();
    const server = await launch(port);
    if (server === undefined) continue;
    const close = async (): Promise<void> => void (await server.end(STOP_TIMEOUT_MS));
    return {
      createProxy: (name, upstreamPort) => openProxy(`http://127.0.0.1:${port}`, name, upstreamPort),
      close,
      [Symbol.asyncDispose]: close,
    };
  }
  throw new Error(`The toxiproxy server did not start on any of ${PORT_ATTEMPTS_MAX} ports.`);
};
