/** The naive service as a process of its own, in the place of a real node. */
import { fileURLToPath } from 'node:url';
import { startGuardedProcess } from '../support/guarded-process.ts';
import type { NodeProcess } from './fleet.ts';

const PROGRAM = fileURLToPath(new URL('./naive-service.ts', import.meta.url));
const STOP_TIMEOUT_MS = 5_000;

export const startNaiveNode = async (redisUrl: string): Promise<NodeProcess> => {
  const { promise: listening, resolve } = Promise.withResolvers<string>();
  const child = await startGuardedProcess(process.execPath, [PROGRAM], {
    env: { PATH: process.env['PATH'] ?? '', REDIS_URL: redisUrl },
    onLine: (line) => {
      if (line.startsWith('http://')) resolve(line);
    },
  });
  const end = async (): Promise<number | null> => (await child.end(STOP_TIMEOUT_MS)).code;
  return {
    url: await listening,
    stop: end,
    kill: async () => {
      child.signal('SIGKILL');
      await child.exited;
    },
    pause: () => child.signal('SIGSTOP'),
    resume: () => child.signal('SIGCONT'),
    close: async () => void (await end()),
    logs: () => [],
    waitForLog: () => Promise.reject(new Error('The naive service keeps no log.')),
  };
};
