/** The metrics: what was counted is what Prometheus reads, in a text that its parser takes. */
import { describe, expect, test } from 'vitest';
import { createMetrics } from '../../../src/telemetry/metrics.ts';

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\n"])*"';
const SAMPLE = new RegExp(`^(${NAME})(\\{${LABEL}(?:,${LABEL})*\\})? (-?[0-9.]+(?:e[+-]?[0-9]+)?|NaN|[+-]Inf)$`, 'i');

interface Exposition {
  readonly types: Map<string, string>;
  readonly helps: Map<string, string>;
  readonly samples: Map<string, number>;
}

/** Reads the text format as strictly as promtool does: throws at the first line it would complain about. */
const parse = (text: string): Exposition => {
  const exposition: Exposition = { types: new Map(), helps: new Map(), samples: new Map() };
  if (!text.endsWith('\n')) throw new Error('The last line does not end');
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, kind, about, rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind !== undefined && about !== undefined) {
      const known = kind === 'HELP' ? exposition.helps : exposition.types;
      if (known.has(about)) throw new Error(`Second ${kind} of ${about}`);
      known.set(about, rest);
      continue;
    }
    const [, name = '', labels = '', value] = SAMPLE.exec(line) ?? [];
    if (value === undefined) throw new Error(`Not a sample: ${line}`);
    const family = exposition.types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
    if (!exposition.types.has(family) || !exposition.helps.has(family)) throw new Error(`No TYPE or HELP: ${name}`);
    if (exposition.samples.has(name + labels)) throw new Error(`Twice: ${name}${labels}`);
    exposition.samples.set(name + labels, Number(value));
  }
  return exposition;
};

const samplesOf = async (metrics: ReturnType<typeof createMetrics>, name: string): Promise<Record<string, number>> => {
  const { samples } = parse(await metrics.render());
  return Object.fromEntries([...samples].filter(([key]) => key.startsWith(name)));
};

const REQUESTS = 'number_generator_http_requests_total';
const ISSUED = 'number_generator_numbers_issued_total';
const CORRUPT = 'number_generator_corrupt_prefix_configs_total';
const LOST = 'number_generator_worker_leases_lost_total';
const WORKER = 'number_generator_snowflake_worker';
const STEPS = 'number_generator_clock_steps_total';

describe('the text', () => {
  test('can be parsed: one HELP and TYPE per metric, before its samples, none twice', async () => {
    const metrics = createMetrics();
    metrics.requestCounter('GET', '/api/numbers')(200);
    metrics.listen({ type: 'numbers-issued', count: 1, source: 'redis' });
    const { types, helps, samples } = parse(await metrics.render());
    expect([...types.keys()]).toEqual([...helps.keys()]);
    expect(samples.size).toBeGreaterThan(20);
    for (const name of [REQUESTS, ISSUED, CORRUPT]) {
      expect([types.get(name), helps.get(name)]).toEqual(['counter', expect.stringMatching(/^[A-Z].*\.$/)]);
    }
  });

  test('can be parsed before anything was counted', async () => {
    const metrics = createMetrics();
    expect(await samplesOf(metrics, 'number_generator_')).toEqual({ [CORRUPT]: 0, [LOST]: 0, [WORKER]: Number.NaN });
  });

  test('is announced as the Prometheus text format', () => {
    expect(createMetrics().contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  });

  test('shows the process beside our own counters', async () => {
    const { samples } = parse(await createMetrics().render());
    expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(0);
  });

  test('stays readable with labels that need escaping', async () => {
    const metrics = createMetrics();
    metrics.requestCounter('GET', '/a"b\\c\nd')(200);
    expect(await samplesOf(metrics, REQUESTS)).toEqual({
      [`${REQUESTS}{method="GET",route="/a\\"b\\\\c\\nd",status="200"}`]: 1,
    });
  });
});

describe('requests', () => {
  test('are counted by method, route and status', async () => {
    const metrics = createMetrics();
    const numbers = metrics.requestCounter('GET', '/api/numbers');
    const configs = metrics.requestCounter('PUT', '/api/prefix-configs/:prefixKey');
    for (const status of [200, 200, 503, 200]) numbers(status);
    configs(409);
    expect(await samplesOf(metrics, REQUESTS)).toEqual({
      [`${REQUESTS}{method="GET",route="/api/numbers",status="200"}`]: 3,
      [`${REQUESTS}{method="GET",route="/api/numbers",status="503"}`]: 1,
      [`${REQUESTS}{method="PUT",route="/api/prefix-configs/:prefixKey",status="409"}`]: 1,
    });
  });

  test('of two counters of one route are added up', async () => {
    const metrics = createMetrics();
    metrics.requestCounter('GET', '/x')(200);
    metrics.requestCounter('GET', '/x')(200);
    expect(await samplesOf(metrics, REQUESTS)).toEqual({ [`${REQUESTS}{method="GET",route="/x",status="200"}`]: 2 });
  });

  test('of a route that was never called have no sample', async () => {
    const metrics = createMetrics();
    metrics.requestCounter('GET', '/x');
    expect(await samplesOf(metrics, REQUESTS)).toEqual({});
  });
});

describe('facts', () => {
  test('numbers issued are counted by source, as many as there were', async () => {
    const metrics = createMetrics();
    metrics.listen({ type: 'numbers-issued', count: 10_000, source: 'redis' });
    metrics.listen({ type: 'numbers-issued', count: 1, source: 'redis' });
    metrics.listen({ type: 'numbers-issued', count: 5, source: 'sqlite' });
    expect(await samplesOf(metrics, ISSUED)).toEqual({
      [`${ISSUED}{source="redis"}`]: 10_001,
      [`${ISSUED}{source="sqlite"}`]: 5,
    });
  });

  test('corrupt entries are counted', async () => {
    const metrics = createMetrics();
    for (const prefixKey of ['A', 'B']) metrics.listen({ type: 'prefix-config-corrupt', prefixKey, reason: 'x' });
    expect(await samplesOf(metrics, CORRUPT)).toEqual({ [CORRUPT]: 2 });
  });

  test('of other kinds count nothing', async () => {
    const metrics = createMetrics();
    metrics.listen({ type: 'store-connected' });
    metrics.listen({ type: 'store-disconnected', reason: 'x' });
    metrics.listen({ type: 'prefix-config-removed', prefixKey: 'A' });
    expect(await samplesOf(metrics, 'number_generator_')).toEqual({ [CORRUPT]: 0, [LOST]: 0, [WORKER]: Number.NaN });
  });
});

test('the worker id leased last, leases lost and steps of the clock are shown', async () => {
  const metrics = createMetrics();
  metrics.listen({ type: 'worker-lease-taken', dataCentre: 1, worker: 7 });
  metrics.listen({ type: 'worker-lease-lost', dataCentre: 1, worker: 7 });
  metrics.listen({ type: 'worker-lease-taken', dataCentre: 1, worker: 9 });
  metrics.listen({ type: 'clock-stepped-back', byMs: 3, handling: 'waited' });
  metrics.listen({ type: 'clock-stepped-back', byMs: 4, handling: 'waited' });
  metrics.listen({ type: 'clock-stepped-back', byMs: 4_000, handling: 'fresh-worker' });
  expect(await samplesOf(metrics, WORKER)).toEqual({ [WORKER]: 9 });
  expect(await samplesOf(metrics, LOST)).toEqual({ [LOST]: 1 });
  expect(await samplesOf(metrics, STEPS)).toEqual({
    [`${STEPS}{handling="waited"}`]: 2,
    [`${STEPS}{handling="fresh-worker"}`]: 1,
  });
});

test('reading twice counts nothing twice, and what comes in between is seen', async () => {
  const metrics = createMetrics();
  const count = metrics.requestCounter('GET', '/x');
  const seen = async (): Promise<number[]> => [
    ...Object.values(await samplesOf(metrics, REQUESTS)),
    ...Object.values(await samplesOf(metrics, ISSUED)),
    ...Object.values(await samplesOf(metrics, CORRUPT)),
  ];
  count(200);
  metrics.listen({ type: 'numbers-issued', count: 2, source: 'memory' });
  metrics.listen({ type: 'prefix-config-corrupt', prefixKey: 'A', reason: 'x' });
  expect([await seen(), await seen()]).toEqual([
    [1, 2, 1],
    [1, 2, 1],
  ]);
  count(200);
  expect(await seen()).toEqual([2, 2, 1]);
});

test('two services in one process count apart', async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  one.listen({ type: 'prefix-config-corrupt', prefixKey: 'A', reason: 'x' });
  expect(await samplesOf(other, CORRUPT)).toEqual({ [CORRUPT]: 0 });
});
