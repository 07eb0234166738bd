/** The metrics: what was counted is what Prometheus reads, in a text that its parser takes. */
import { describe, expect, test } from 'vitest';
import type { NumberGeneratorEvent } from '../../../../src/core/events/events.ts';
import type { Strategy } from '../../../../src/core/prefix-config/numbering.ts';
import type { NumberSource } from '../../../../src/core/values/number-source.ts';
import { createMetrics, type Metrics } from '../../../../src/telemetry/metrics/metrics.ts';
import { emittingTo } from '../../fakes/emitting.ts';

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

const newMetrics = (prefixesMax = 3): Metrics =>
  createMetrics({ version: '1.2.3', node: 'n1', store: 'redis', prefixesMax, shutdownTimeoutMs: 30_000 });

const issue = (metrics: Metrics, prefixKey: string, source: NumberSource, count = 1, strategy: Strategy = 'counter') =>
  emittingTo(metrics.listen)({ type: 'numbers-issued', prefixKey, strategy, count, source });

const samplesOf = async (metrics: Metrics, name: string): Promise<Record<string, number>> => {
  const { samples } = parse(await metrics.render(true));
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
    const metrics = newMetrics();
    metrics.requestCounter('GET', '/api/numbers')(200, 1);
    issue(metrics, 'INV', 'redis');
    const { types, helps, samples } = parse(await metrics.render(true));
    expect([...types.keys()]).toEqual([...helps.keys()]);
    expect(samples.size).toBeGreaterThan(20);
    for (const name of [REQUESTS, ISSUED, CORRUPT]) {
      expect([types.get(name), helps.get(name)]).toEqual(['counter', expect.stringMatching(/^[A-Z].*\.$/)]);
    }
  });

  test('can be parsed before anything was counted, and shows 0 for what an alert asks', async () => {
    const samples = await samplesOf(newMetrics(), 'number_generator_');
    for (const name of [
      'number_generator_outages_total',
      'number_generator_recoveries_total{outcome="jump"}',
      'number_generator_clock_steps_total{handling="kept"}',
      'number_generator_store_finding{subject="maxmemory-policy",severity="error"}',
      'number_generator_temporary_numbers_total{status="issued"}',
      'number_generator_shutdown_seconds',
      CORRUPT,
      LOST,
    ])
      expect([name, samples[name]]).toEqual([name, 0]);
    expect(samples['number_generator_store_present']).toBe(1);
    expect(samples[WORKER]).toBeNaN();
  });

  test('is announced as the Prometheus text format', () => {
    expect(newMetrics().contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  });

  test('shows the process beside our own counters', async () => {
    const { samples } = parse(await newMetrics().render(true));
    expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(0);
  });

  test('stays readable with labels that need escaping', async () => {
    const metrics = newMetrics();
    metrics.requestCounter('GET', '/a"b\\c\nd')(200, 1);
    expect(await samplesOf(metrics, REQUESTS)).toEqual({
      [`${REQUESTS}{method="GET",route="/a\\"b\\\\c\\nd",status="200"}`]: 1,
    });
  });
});

describe('requests', () => {
  test('are counted by method, route and status', async () => {
    const metrics = newMetrics();
    const numbers = metrics.requestCounter('GET', '/api/numbers');
    const configs = metrics.requestCounter('PUT', '/api/prefix-configs/:prefixKey');
    for (const status of [200, 200, 503, 200]) numbers(status, 1);
    configs(409, 1);
    expect(await samplesOf(metrics, REQUESTS)).toEqual({
      [`${REQUESTS}{method="GET",route="/api/numbers",status="200"}`]: 3,
      [`${REQUESTS}{method="GET",route="/api/numbers",status="503"}`]: 1,
      [`${REQUESTS}{method="PUT",route="/api/prefix-configs/:prefixKey",status="409"}`]: 1,
    });
  });

  test('of two counters of one route are added up', async () => {
    const metrics = newMetrics();
    metrics.requestCounter('GET', '/x')(200, 1);
    metrics.requestCounter('GET', '/x')(200, 1);
    expect(await samplesOf(metrics, REQUESTS)).toEqual({ [`${REQUESTS}{method="GET",route="/x",status="200"}`]: 2 });
  });

  test('of a route that was never called have no sample', async () => {
    const metrics = newMetrics();
    metrics.requestCounter('GET', '/x');
    expect(await samplesOf(metrics, REQUESTS)).toEqual({});
  });
});

describe('durations', () => {
  const DURATION = 'number_generator_http_request_duration_seconds';

  test('are those of a method, a route and a class of status; each bucket holds all that were as fast', async () => {
    const metrics = newMetrics();
    const count = metrics.requestCounter('GET', '/x');
    for (const ms of [0.3, 0.5, 30, 20_000]) count(200, ms);
    count(503, 4);
    const samples = await samplesOf(metrics, DURATION);
    const labels = 'method="GET",route="/x",status_class="2xx"';
    expect(samples).toMatchObject({
      [`${DURATION}_bucket{${labels},le="0.0005"}`]: 2,
      [`${DURATION}_bucket{${labels},le="0.025"}`]: 2,
      [`${DURATION}_bucket{${labels},le="0.05"}`]: 3,
      [`${DURATION}_bucket{${labels},le="10"}`]: 3,
      [`${DURATION}_bucket{${labels},le="+Inf"}`]: 4,
      [`${DURATION}_count{${labels}}`]: 4,
      [`${DURATION}_count{method="GET",route="/x",status_class="5xx"}`]: 1,
    });
    expect(samples[`${DURATION}_sum{${labels}}`]).toBeCloseTo(20.0308, 9);
  });

  test('of a status that HTTP does not know are counted by its number alone', async () => {
    const metrics = newMetrics();
    metrics.requestCounter('GET', '/x')(999, 1);
    expect(await samplesOf(metrics, DURATION)).toEqual({});
    expect(Object.values(await samplesOf(metrics, REQUESTS))).toEqual([1]);
  });
});

describe('facts', () => {
  test('numbers issued are counted by prefix, strategy and source, as many as there were', async () => {
    const metrics = newMetrics();
    issue(metrics, 'INV', 'redis', 10_000);
    issue(metrics, 'INV', 'redis');
    issue(metrics, 'ORD', 'snowflake', 5, 'snowflake');
    issue(metrics, 'INV', 'standby', 2);
    expect(await samplesOf(metrics, ISSUED)).toEqual({
      [`${ISSUED}{prefix="INV",strategy="counter",source="redis"}`]: 10_001,
      [`${ISSUED}{prefix="INV",strategy="counter",source="standby"}`]: 2,
      [`${ISSUED}{prefix="ORD",strategy="snowflake",source="snowflake"}`]: 5,
    });
  });

  test('numbers from the standby are shown as 0 before there are any, so that a rate sees the first', async () => {
    const metrics = newMetrics();
    issue(metrics, 'INV', 'redis');
    const standby = `${ISSUED}{prefix="INV",strategy="counter",source="standby"}`;
    expect(await samplesOf(metrics, ISSUED)).toMatchObject({ [standby]: 0 });
  });

  test('numbers of more prefixes than are told apart are counted together, and so are those of one called other', async () => {
    const metrics = newMetrics(2);
    for (const prefixKey of ['other', 'A', 'B', 'C', 'D', 'A']) issue(metrics, prefixKey, 'sqlite');
    expect(await samplesOf(metrics, ISSUED)).toEqual({
      [`${ISSUED}{prefix="A",strategy="counter",source="sqlite"}`]: 2,
      [`${ISSUED}{prefix="B",strategy="counter",source="sqlite"}`]: 1,
      [`${ISSUED}{prefix="other",strategy="counter",source="sqlite"}`]: 3,
    });
  });

  test('prefixes are one for who may not know them: what counts is summed up, and the worst of what is left is told', async () => {
    const metrics = newMetrics();
    issue(metrics, 'INV', 'redis', 3);
    issue(metrics, 'ORD', 'redis', 4);
    emittingTo(metrics.listen)({
      type: 'capacity-measured',
      measures: [
        { prefixKey: 'INV', used: 0.9, secondsLeft: 60 },
        { prefixKey: 'ORD', used: 0.5, secondsLeft: undefined },
      ],
      other: { prefixKey: 'other', used: 0.1, secondsLeft: 30 },
    });
    emittingTo(metrics.listen)({
      type: 'standby-measured',
      measures: [
        { prefixKey: 'INV', left: 10, leftRatio: 0.2 },
        { prefixKey: 'ORD', left: 5, leftRatio: 0.5 },
      ],
      other: undefined,
    });
    emittingTo(metrics.listen)({
      type: 'gaps-measured',
      measures: [{ prefixKey: 'INV', entries: 2 }],
      other: { prefixKey: 'other', entries: 5 },
    });
    const text = await metrics.render(false);
    const named = [...parse(text).samples].filter(([key]) => key.includes('prefix="'));
    expect(Object.fromEntries(named)).toEqual({
      [`${ISSUED}{prefix="other",strategy="counter",source="redis"}`]: 7,
      [`${ISSUED}{prefix="other",strategy="counter",source="standby"}`]: 0,
      'number_generator_capacity_used_ratio{prefix="other"}': 0.9,
      'number_generator_capacity_seconds_left{prefix="other"}': 30,
      'number_generator_standby_values_left{prefix="other"}': 5,
      'number_generator_standby_left_ratio{prefix="other"}': 0.2,
      'number_generator_gap_record_entries{prefix="other"}': 7,
    });
    expect(text).not.toMatch(/INV|ORD/);
    const names = (exposition: string): string[] => [...parse(exposition).types.keys()].sort();
    expect(names(text)).toEqual(names(await metrics.render(true)));
  });

  test('corrupt entries are counted', async () => {
    const metrics = newMetrics();
    for (const prefixKey of ['A', 'B'])
      emittingTo(metrics.listen)({ type: 'prefix-config-corrupt', prefixKey, reason: 'x' });
    expect(await samplesOf(metrics, CORRUPT)).toEqual({ [CORRUPT]: 2 });
  });
});

test('the worker id leased last, leases lost and steps of the clock are shown', async () => {
  const metrics = newMetrics();
  emittingTo(metrics.listen)({ type: 'worker-lease-taken', dataCentre: 1, worker: 7 });
  emittingTo(metrics.listen)({ type: 'worker-lease-lost', dataCentre: 1, worker: 7 });
  emittingTo(metrics.listen)({ type: 'worker-lease-taken', dataCentre: 1, worker: 9 });
  emittingTo(metrics.listen)({ type: 'clock-stepped-back', byMs: 3, handling: 'waited' });
  emittingTo(metrics.listen)({ type: 'clock-stepped-back', byMs: 4, handling: 'waited' });
  emittingTo(metrics.listen)({ type: 'clock-stepped-back', byMs: 4_000, handling: 'fresh-worker' });
  expect(await samplesOf(metrics, WORKER)).toEqual({ [WORKER]: 9 });
  expect(await samplesOf(metrics, LOST)).toEqual({ [LOST]: 1 });
  expect(await samplesOf(metrics, STEPS)).toEqual({
    [`${STEPS}{handling="waited"}`]: 2,
    [`${STEPS}{handling="kept"}`]: 0,
    [`${STEPS}{handling="fresh-worker"}`]: 1,
  });
});

test('reading twice counts nothing twice, and what comes in between is seen', async () => {
  const metrics = newMetrics();
  const count = metrics.requestCounter('GET', '/x');
  const seen = async (): Promise<number[]> => [
    ...Object.values(await samplesOf(metrics, REQUESTS)),
    ...Object.values(await samplesOf(metrics, ISSUED)),
    ...Object.values(await samplesOf(metrics, CORRUPT)),
  ];
  count(200, 1);
  issue(metrics, 'INV', 'memory', 2);
  emittingTo(metrics.listen)({ type: 'prefix-config-corrupt', prefixKey: 'A', reason: 'x' });
  expect([await seen(), await seen()]).toEqual([
    [1, 2, 1],
    [1, 2, 1],
  ]);
  count(200, 1);
  expect(await seen()).toEqual([2, 2, 1]);
});

test('two services in one process count apart', async () => {
  const [one, other] = [newMetrics(), newMetrics()];
  emittingTo(one.listen)({ type: 'prefix-config-corrupt', prefixKey: 'A', reason: 'x' });
  expect(await samplesOf(other, CORRUPT)).toEqual({ [CORRUPT]: 0 });
});

describe('rare facts', () => {
  const AWAY = new Error('away');
  const names = {
    recoveries: 'number_generator_recoveries_total',
    capacity: 'number_generator_capacity_used_ratio',
    finding: 'number_generator_store_finding{subject="appendonly",severity="warning"}',
  };

  const told = async (...events: NumberGeneratorEvent[]): Promise<Record<string, number>> => {
    const metrics = newMetrics();
    for (const event of events) emittingTo(metrics.listen)(event);
    return samplesOf(metrics, 'number_generator_');
  };

  test('an outage is counted and shows until the store is back', async () => {
    const began: NumberGeneratorEvent = { type: 'outage-began', reason: AWAY };
    expect(await told(began)).toMatchObject({ number_generator_outages_total: 1, number_generator_store_present: 0 });
    expect(await told(began, { type: 'store-returned' })).toMatchObject({
      number_generator_outages_total: 1,
      number_generator_store_present: 1,
    });
  });

  test('recoveries are told apart: exact, or by a jump; their time is summed up', async () => {
    const recovered = { type: 'sequence-recovered', prefixKey: 'INV', period: '', afterMs: 1_500, nodes: 2 } as const;
    const samples = await told(
      { type: 'sequence-recovering', prefixKey: 'INV', period: '' },
      { ...recovered, jumpedTo: undefined },
      { ...recovered, jumpedTo: 10n },
      { ...recovered, jumpedTo: 10n },
    );
    expect(samples).toMatchObject({
      number_generator_recoveries_begun_total: 1,
      [`${names.recoveries}{outcome="exact"}`]: 1,
      [`${names.recoveries}{outcome="jump"}`]: 2,
      number_generator_recovery_seconds_total: 4.5,
    });
  });

  test('a finding shows until it is cleared', async () => {
    const finding = { severity: 'warning', subject: 'appendonly', detail: 'd', remedy: 'r', servers: [] } as const;
    const found: NumberGeneratorEvent = { type: 'store-finding', finding };
    expect((await told(found))[names.finding]).toBe(1);
    expect((await told(found, { type: 'store-finding-cleared', subject: 'appendonly' }))[names.finding]).toBe(0);
    expect(await told({ type: 'store-finding-cleared', subject: 'never-found' })).not.toHaveProperty('never-found');
  });

  test('the guarantee in force is shown, and no other', async () => {
    const guarantee = { detail: 'd', remedy: undefined };
    const samples = await told(
      { type: 'guarantee-changed', guarantee: { ...guarantee, kind: 'redis' } },
      { type: 'guarantee-changed', guarantee: { ...guarantee, kind: 'replicas' } },
    );
    expect(Object.keys(samples).filter((name) => name.includes('guarantee'))).toEqual([
      'number_generator_guarantee{kind="replicas"}',
    ]);
  });

  test('PostgreSQL is shown as present or not, and not at all where there is none', async () => {
    const presence = async (...events: readonly NumberGeneratorEvent[]): Promise<unknown> =>
      (await told(...events))['number_generator_postgres_present{store="postgres"}'];
    expect(await presence({ type: 'store-connected' })).toBeUndefined();
    expect(Object.keys(await told({ type: 'store-connected' })).join(' ')).not.toContain('postgres_present');
    expect(await presence({ type: 'ceiling-store-connected' })).toBe(1);
    expect(
      await presence({ type: 'ceiling-store-connected' }, { type: 'ceiling-store-disconnected', reason: 'x' }),
    ).toBe(0);
  });

  test('each is counted under its own name', async () => {
    const samples = await told(
      { type: 'store-disconnected', reason: 'x' },
      { type: 'ceiling-store-disconnected', reason: 'x' },
      { type: 'ceiling-not-raised', prefixKey: 'INV', error: AWAY },
      { type: 'node-not-registered', error: AWAY },
      { type: 'nodes-buried', nodes: ['a', 'b'] },
      {
        ...{ type: 'sequence-advanced', prefixKey: 'INV', period: '', from: 1n, to: 5n },
        ...{ reason: 'r' },
      },
      { type: 'worker-lease-not-renewed', worker: 1, error: AWAY },
      { type: 'prefix-config-removed', prefixKey: 'INV', before: undefined, reason: undefined },
      { type: 'prefix-configs-healed', healed: 3, copied: 1 },
      { type: 'temporary-number-issued', prefixKey: 'INV', number: 'TMP' },
      { type: 'temporary-number-resolved', prefixKey: 'INV', number: 'TMP', resolvedNumber: 'I1' },
      {
        ...{ type: 'reservation', id: 'x', prefixKey: 'INV', before: 'reserved', outcome: 'void' },
        ...{ reason: 'r' },
      },
      { type: 'ledger-calls-unsettled', calls: 2 },
    );
    expect(samples).toMatchObject({
      'number_generator_store_disconnects_total{store="redis"}': 1,
      'number_generator_store_disconnects_total{store="postgres"}': 1,
      number_generator_ceiling_raises_failed_total: 1,
      number_generator_node_registrations_failed_total: 1,
      number_generator_nodes_buried_total: 2,
      number_generator_sequences_advanced_total: 1,
      number_generator_worker_renewals_failed_total: 1,
      'number_generator_prefix_config_changes_total{change="removed"}': 1,
      'number_generator_prefix_config_changes_total{change="registered"}': 0,
      number_generator_prefix_configs_healed_total: 3,
      'number_generator_temporary_numbers_total{status="issued"}': 1,
      'number_generator_temporary_numbers_total{status="resolved"}': 1,
      'number_generator_reservations_total{outcome="void"}': 1,
      number_generator_ledger_calls_unsettled_total: 2,
    });
  });

  test('of measures the last ones are shown, with what stands for the rest', async () => {
    const samples = await told(
      { type: 'capacity-measured', measures: [{ prefixKey: 'OLD', used: 0.5, secondsLeft: 3 }], other: undefined },
      {
        type: 'capacity-measured',
        measures: [{ prefixKey: 'INV', used: 0.25, secondsLeft: undefined }],
        other: { prefixKey: 'other', used: 0.1, secondsLeft: 9 },
      },
      { type: 'standby-measured', measures: [{ prefixKey: 'INV', left: 5, leftRatio: 0.5 }], other: undefined },
      { type: 'gaps-measured', measures: [{ prefixKey: 'INV', entries: 7 }], other: undefined },
    );
    expect(Object.entries(samples).filter(([name]) => name.includes('prefix='))).toEqual([
      [`${names.capacity}{prefix="INV"}`, 0.25],
      [`${names.capacity}{prefix="other"}`, 0.1],
      ['number_generator_capacity_seconds_left{prefix="other"}', 9],
      ['number_generator_standby_values_left{prefix="INV"}', 5],
      ['number_generator_standby_left_ratio{prefix="INV"}', 0.5],
      ['number_generator_gap_record_entries{prefix="INV"}', 7],
    ]);
  });

  test('a shutdown is timed from the moment the process was asked', async () => {
    const samples = await told({ type: 'stop-began' });
    expect(samples['number_generator_shutdown_seconds']).toBeGreaterThan(0);
    expect(samples['number_generator_shutdown_timeout_seconds']).toBe(30);
  });
});

test('version, node and store stand in the labels of the info', async () => {
  expect(await samplesOf(newMetrics(), 'number_generator_info')).toEqual({
    'number_generator_info{version="1.2.3",node="n1",store="redis"}': 1,
  });
});
