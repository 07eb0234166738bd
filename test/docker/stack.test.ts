/** The image and the compose stack on a real Docker engine. Grafana is left out: its image is large, and only shows what is here. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ComposeStack, docker, startComposeStack } from '../support/compose-stack.ts';
import { takeNumbers } from '../support/load.ts';
import { startSteadyLoad } from '../support/steady-load.ts';

const IMAGE = 'number-generator:local';
const IMAGE_BYTES_MAX = 250 * 1_000_000;
/** What a new version of the service is to pull, Node and the packages being the same. */
const SERVICE_BYTES_MAX = 20 * 1_000_000;
/** Processor time until it serves, its first probes included; the time on the clock depends on what else the machine does. */
const START_CPU_MS_MAX = 1_500;
/** /proc counts processor time in these, per second. */
const TICKS_PER_SECOND = 100;
const DASHBOARDS = join(import.meta.dirname, '../../monitoring/grafana/dashboards');

let stack: ComposeStack;
let urls: string[] = [];
let token = '';
const issued: number[] = [];

/** Takes numbers from both nodes and remembers their values. */
const take = async (numbersMax: number, clients = 8): Promise<void> => {
  const load = await takeNumbers({ urls: urls.map((url) => `${url}/api/numbers/STACK`), clients, numbersMax });
  expect([...load.refusals, load.lost]).toEqual([0]);
  issued.push(...load.numbers.map((number) => Number(number.slice('STACK-'.length))));
};

const query = async (expression: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]> => {
  const prometheus = await stack.urlOf('prometheus', 9090);
  const reply = await fetch(`${prometheus}/api/v1/query?${new URLSearchParams({ query: expression })}`);
  expect(reply.status).toBe(200);
  const { data } = (await reply.json()) as {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  return data.result;
};

const readGaps = async (): Promise<{ count: string; reason: string }[]> => {
  const headers = { authorization: `Bearer ${token}` };
  const reply = await fetch(`${urls[0]}/api/sequences/STACK/gaps`, { headers });
  return ((await reply.json()) as { items: { count: string; reason: string }[] }).items;
};

const statusOf = async (url: string): Promise<number> => (await fetch(`${url}/readyz`)).status;

beforeAll(async () => {
  stack = await startComposeStack('numbers', 'prometheus');
  urls = await Promise.all([1, 2].map((index) => stack.urlOf('numbers', 8080, index)));
});

afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
});

test('the image has less than 250 MB, runs as a user who is not root, and has a health check', async () => {
  const [image] = JSON.parse(await docker('image', 'inspect', IMAGE));
  console.log(`image: ${(image.Size / 1e6).toFixed(0)} MB`);
  expect(image.Size).toBeLessThan(IMAGE_BYTES_MAX);
  expect(image.Config).toMatchObject({ User: '10001:10001', Healthcheck: { Test: expect.arrayContaining(['CMD']) } });
});

test('the image has Node, the packages and the service in layers of their own, and the last is small', async () => {
  const sizes = (await docker('history', '--human=false', '--format', '{{.Size}}', IMAGE)).split('\n').map(Number);
  const [service, packages, node] = sizes.filter((size) => size > 0);
  console.log(`layers: service ${service}, packages ${packages}, Node ${node} bytes`);
  expect(sizes.filter((size) => size > 0)).toHaveLength(3);
  expect(service).toBeLessThan(SERVICE_BYTES_MAX);
  expect(node).toBeGreaterThan(packages ?? Number.NaN);
});

test('both nodes run with a read-only root file system, without capabilities, as user 10001, and started with little work', async () => {
  for (const id of await stack.containersOf('numbers')) {
    const [container] = JSON.parse(await docker('inspect', id));
    expect(container.HostConfig).toMatchObject({ ReadonlyRootfs: true, CapDrop: ['ALL'] });
    const probe = `try { fs.writeFileSync('/app/x', ''); } catch ({ code }) { console.log(process.getuid(), code); }`;
    expect(await docker('exec', id, 'node', '-e', probe)).toBe('10001 EROFS');
    const log = (await docker('logs', id)).split('\n').map((line) => JSON.parse(line));
    const listening = log.find(({ event }) => event === 'listening');
    const clockMs = Date.parse(listening.time) - Date.parse(container.State.StartedAt);
    const stat = await docker('exec', id, 'node', '-p', `fs.readFileSync('/proc/1/stat', 'utf8')`);
    const [user, system] = stat.slice(stat.lastIndexOf(')')).split(' ').slice(12, 14).map(Number);
    const cpuMs = (((user ?? Number.NaN) + (system ?? Number.NaN)) / TICKS_PER_SECOND) * 1_000;
    console.log(`start: ${clockMs} ms to listening, ${cpuMs} ms of processor time so far`);
    expect(cpuMs).toBeLessThan(START_CPU_MS_MAX);
  }
});

test('200: a token made in one node is good for both, and numbers from both are one series', async () => {
  token = await stack.compose('exec', '--no-TTY', 'numbers', 'node', 'src/main.ts', 'token');
  for (const [url, status] of [
    [urls[0], 200],
    [urls[1], 409],
  ] as const) {
    const reply = await fetch(`${url}/api/prefix-configs/STACK`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ format: 'STACK-{SEQ:6}' }),
    });
    expect(reply.status).toBe(status);
  }
  await take(1_000);
  expect(new Set(issued).size).toBe(1_000);
});

test('Prometheus scrapes both nodes, and every panel of every dashboard has something to show', async () => {
  const up = async () => (await query('up{job="number-generator"}')).map(({ value }) => value[1]);
  await expect.poll(up, { timeout: 60_000 }).toEqual(['1', '1']);
  await take(200);
  const expressions = readdirSync(DASHBOARDS).flatMap((file) => {
    const { panels } = JSON.parse(readFileSync(join(DASHBOARDS, file), 'utf8'));
    return panels.flatMap(({ targets }: { targets: { expr: string }[] }) => targets.map(({ expr }) => expr));
  });
  expect(expressions.length).toBeGreaterThan(5);
  // What nothing has happened of yet has no series: refusals and standby.
  const always = expressions.filter((expression) => !/5\.\.|standby/.test(expression));
  for (const expression of expressions) await query(expression.replaceAll('$__rate_interval', '1m'));
  for (const expression of always) {
    const ask = async () => (await query(expression.replaceAll('$__rate_interval', '1m'))).length;
    await expect.poll(ask, { timeout: 60_000, message: expression }).toBeGreaterThan(0);
  }
});

test('Redis restarted under load: nobody is refused, no number comes twice', async () => {
  // A node's standby of 1,000 numbers lasts ten seconds at this rate, longer than a busy machine takes to restart Redis; as fast as they can, clients empty it in one.
  const loads = urls.map((url) => startSteadyLoad(`${url}/api/numbers/STACK`, 100));
  await stack.compose('restart', 'redis');
  for (const url of urls) {
    const source = async () => {
      const reply = await fetch(`${url}/api/numbers/STACK`);
      const { number } = (await reply.json()) as { number: string };
      issued.push(Number(number.slice('STACK-'.length)));
      return reply.headers.get('x-number-source');
    };
    await expect.poll(source, { timeout: 30_000, interval: 100 }).toBe('redis');
  }
  for (const load of loads) {
    const { numbers, rate, failures, latencyMs } = await load.stop();
    issued.push(...numbers.map((number) => Number(number.slice('STACK-'.length))));
    console.log(
      `Redis restarted: ${numbers.length} numbers meanwhile, ${rate}/s, latency ${JSON.stringify(latencyMs)} ms`,
    );
    expect(failures).toEqual({});
  }
  expect(new Set(issued).size).toBe(issued.length);
});

test('nodes stop with 0 and give everything back: afterwards each value was issued once or stands in the gap record', async () => {
  const ids = await stack.containersOf('numbers');
  const fromMs = performance.now();
  await stack.compose('stop', 'numbers');
  console.log(`two nodes stopped in ${Math.round(performance.now() - fromMs)} ms`);
  for (const id of ids)
    expect(JSON.parse(await docker('inspect', id))[0].State).toMatchObject({ ExitCode: 0, OOMKilled: false });
  await stack.compose('up', '--detach', '--wait', '--no-build', 'numbers');
  urls = await Promise.all([1, 2].map((index) => stack.urlOf('numbers', 8080, index)));
  for (const url of urls) await expect.poll(() => statusOf(url)).toBe(200);
  const isWhole = async (): Promise<boolean> => {
    // What was given back, or used in an outage, is handed out or passed before the counter goes on.
    await take(500);
    const recorded = (await readGaps()).reduce((sum, { count }) => sum + Number(count), 0);
    return new Set(issued).size + recorded === Math.max(...issued);
  };
  await expect.poll(isWhole, { timeout: 60_000 }).toBe(true);
  expect(new Set(issued).size).toBe(issued.length);
  console.log(`${issued.length} numbers, gap record: ${JSON.stringify(await readGaps())}`);
});
