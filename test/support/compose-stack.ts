/** The stack of docker-compose.yml under a project name of its own, on ports of its own, so that a developer's stays as it is. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findFreePort } from './redis.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const TIMEOUT_MS = 240_000;

/** Runs docker; what it writes to standard output, trimmed. @throws with what it said when it fails or takes 4 minutes. */
export const docker = async (...args: string[]): Promise<string> => {
  const { stdout } = await run('docker', args, { cwd: ROOT, timeout: TIMEOUT_MS, maxBuffer: 16 * 1024 * 1024 });
  return stdout.trim();
};

export interface ComposeStack extends AsyncDisposable {
  /** `docker compose …args` for this stack. */
  compose(...args: string[]): Promise<string>;
  /** `http://127.0.0.1:PORT` of a container's port. */
  urlOf(service: string, port: number, index?: number): Promise<string>;
  /** The ids of the containers of a service, stopped ones too. */
  containersOf(service: string): Promise<string[]>;
}

/** Brings these services up, with what they depend on, and waits until all are healthy. The image must have been built. */
export const startComposeStack = async (...services: string[]): Promise<ComposeStack> => {
  const project = `number-generator-test-${process.pid}`;
  const first = await findFreePort();
  const env = {
    ...process.env,
    NUMBERS_PORTS: `${first}-${first + 9}`,
    PROMETHEUS_PORT: String(await findFreePort()),
    GRAFANA_PORT: String(await findFreePort()),
  };
  const compose = async (...args: string[]): Promise<string> => {
    const { stdout } = await run('docker', ['compose', '--project-name', project, ...args], {
      cwd: ROOT,
      env,
      timeout: TIMEOUT_MS,
    });
    return stdout.trim();
  };
  const remove = async (): Promise<void> => {
    await compose('down', '--volumes', '--timeout', '5');
  };
  try {
    await compose('up', '--detach', '--wait', '--no-build', ...services);
  } catch (cause) {
    const logs = await compose('logs', '--no-color', '--tail', '40');
    await remove();
    throw new Error(`The stack did not come up:\n${logs}`, { cause });
  }
  return {
    compose,
    urlOf: async (service, port, index = 1) =>
      `http://${await compose('port', '--index', String(index), service, String(port))}`,
    containersOf: async (service) => (await compose('ps', '--all', '--quiet', service)).split('\n'),
    [Symbol.asyncDispose]: remove,
  };
};
