/** A real nginx in front of nodes of the service, set as docs/guides/upgrade.md advises: it repeats what a stopping node did not answer. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startGuardedProcess } from './guarded-process.ts';
import { findFreePort, findOnPath } from './redis.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const INSTALL_TOOL = join(ROOT, '.ci/install-tool');
const INSTALL_TIMEOUT_MS = 300_000;
const START_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 5_000;
const POLL_MS = 20;

export interface Nginx {
  readonly url: string;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** @throws when there is none and apt-get cannot install it. */
const nginxBinary = async (): Promise<string> => {
  const find = (): string | undefined => findOnPath('nginx') ?? findOnPath('../sbin/nginx');
  if (find() === undefined) await run(INSTALL_TOOL, ['nginx'], { timeout: INSTALL_TIMEOUT_MS });
  const path = find();
  if (path === undefined) throw new Error('The tests need nginx: install it (Debian, Ubuntu: apt-get install nginx).');
  return path;
};

/** The lines that docs/guides/upgrade.md advises, word for word. */
export const advisedLocation = (): string => {
  const [, lines = ''] = /```nginx\n(.*?)```/s.exec(readFileSync(join(ROOT, 'docs/guides/upgrade.md'), 'utf8')) ?? [];
  return lines;
};

const configOf = (dir: string, port: number, ports: readonly number[], location: string): string => `
daemon off;
pid ${dir}/nginx.pid;
error_log stderr error;
events { worker_connections 1024; }
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${dir}/${name};`).join(' ')}
  upstream numbers {
${ports.map((node) => `    server 127.0.0.1:${node} max_fails=0;`).join('\n')}
    keepalive 32;
  }
  server {
    listen 127.0.0.1:${port};
${location}
  }
}
`;

/** Starts nginx on loopback in front of these ports. @throws when it does not come up; the message holds what it said. */
export const startNginx = async (ports: readonly number[], location: string): Promise<Nginx> => {
  const dir = mkdtempSync(join(tmpdir(), 'test-nginx-'));
  mkdirSync(join(dir, 'logs'));
  const port = await findFreePort();
  writeFileSync(join(dir, 'nginx.conf'), configOf(dir, port, ports, location));
  const output: string[] = [];
  const child = await startGuardedProcess(await nginxBinary(), ['-p', dir, '-c', join(dir, 'nginx.conf')], {
    env: {},
    orphanDir: dir,
    onLine: (line) => output.push(line),
  });
  const url = `http://127.0.0.1:${port}`;
  const close = async (): Promise<void> => {
    await child.end(STOP_TIMEOUT_MS);
    rmSync(dir, { recursive: true, force: true });
  };
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (
    !(await fetch(`${url}/livez`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (!child.isRunning() || performance.now() > deadline) {
      await close();
      throw new Error(`nginx did not start. ${output.join('\n')}`);
    }
    await delay(POLL_MS);
  }
  return { url, close, [Symbol.asyncDispose]: close };
};
