/** What an attack does to a live service: how much memory it takes, how long its event loop stands still, how long a probe waits. */
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { get as getByTls } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import type { Service } from './service.ts';

const PROBE_PAUSE_MS = 50;

/** The worst that was seen. */
export interface Strain {
  /** Resident memory above that before the attack, MiB. */
  readonly memoryMib: number;
  /** How long the event loop came late to a timer, ms, as the service measures it. */
  readonly loopMs: number;
  /** How long `/livez` took, ms, as a client measures it who is as busy as the attack. */
  readonly livezMs: number;
}

const residentMib = ({ pid }: Service): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

/** On connections of their own: those of the attack may be full. @throws when it is not 200. */
const createProbe = ({ port }: Service, isTls: boolean) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const options = { host: '127.0.0.1', port, path: '/livez' };
  const ask = (): Promise<number> =>
    new Promise((resolve, reject) => {
      const beganMs = performance.now();
      const request = isTls
        ? getByTls({ ...options, agent: false, rejectUnauthorized: false })
        : get({ ...options, agent });
      request.on('error', reject);
      request.on('response', (reply) => {
        reply.resume();
        reply.on('end', () => {
          if (reply.statusCode === 200) resolve(performance.now() - beganMs);
          else reject(new Error(`/livez answered ${reply.statusCode}`));
        });
      });
    });
  return { ask, close: () => agent.destroy() };
};

/** The longest delay of the event loop since the last time this was asked, ms. */
const readLoopMs = async (metricsPort: number): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  return Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)?.[1]) * 1_000;
};

/**
 * Runs an attack on a service that was started with METRICS_PORT, and asks `/livez` all the while.
 *
 * @throws when a probe is refused or the attack fails.
 */
export const strainOf = async (service: Service, attack: () => Promise<void>, isTls = false): Promise<Strain> => {
  const { metrics_port: metricsPort } = await service.waitForLog(({ event }) => event === 'listening');
  const probe = createProbe(service, isTls);
  for (let warmUp = 0; warmUp < 20; warmUp += 1) await probe.ask();
  await readLoopMs(Number(metricsPort));
  const before = residentMib(service);
  let [memoryMib, livezMs, isOver] = [0, 0, false];
  const watch = async (): Promise<void> => {
    while (!isOver) {
      livezMs = Math.max(livezMs, await probe.ask());
      memoryMib = Math.max(memoryMib, residentMib(service) - before);
      await delay(PROBE_PAUSE_MS);
    }
  };
  const watching = watch();
  try {
    await Promise.race([attack(), watching]);
  } finally {
    isOver = true;
    await watching.finally(probe.close);
  }
  return { memoryMib, loopMs: await readLoopMs(Number(metricsPort)), livezMs };
};
