/** Whether a Docker engine answers, and containers with a time limit. */
import { request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { GenericContainer, StartedTestContainer } from 'testcontainers';

const PING_TIMEOUT_MS = 2_000;
const CONTAINER_TIMEOUT_MS = 120_000;

const dockerAddresses = (): { readonly socketPath: string }[] | { readonly host: string; readonly port: string }[] => {
  const configured = process.env['DOCKER_HOST'];
  if (configured !== undefined && configured !== '') {
    const { protocol, pathname, hostname, port } = new URL(configured);
    return protocol === 'unix:' ? [{ socketPath: pathname }] : [{ host: hostname, port: port || '2375' }];
  }
  const dirs = ['/var/run', process.env['XDG_RUNTIME_DIR'] ?? '/nowhere', join(homedir(), '.docker/run')];
  return dirs.map((dir) => ({ socketPath: join(dir, 'docker.sock') }));
};

export const dockerAnswers = async (): Promise<boolean> => {
  const pings = dockerAddresses().map(
    (address) =>
      new Promise<void>((resolve, reject) => {
        const ping = request({ ...address, path: '/_ping', timeout: PING_TIMEOUT_MS }, (reply) => {
          reply.resume();
          if (reply.statusCode === 200) resolve();
          else reject(new Error(`Docker answered ${reply.statusCode}.`));
        });
        ping.on('timeout', () => ping.destroy(new Error('Docker did not answer.')));
        ping.on('error', reject);
        ping.end();
      }),
  );
  return Promise.any(pings).then(
    () => true,
    () => false,
  );
};

/** @throws when the container is not up within two minutes; pulling the image has no limit of its own. */
export const startContainer = async (container: GenericContainer): Promise<StartedTestContainer> => {
  const starting = container.withStartupTimeout(CONTAINER_TIMEOUT_MS).start();
  const { promise: late, reject } = Promise.withResolvers<StartedTestContainer>();
  const timer = setTimeout(() => reject(new Error('The container did not start in time.')), CONTAINER_TIMEOUT_MS);
  return await Promise.race([starting, late]).finally(() => clearTimeout(timer));
};
