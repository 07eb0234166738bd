/** Metrics of the facts that are rare, each counted as it is told: outages, recoveries, clock steps, findings. */
import type { Registry } from 'prom-client';
import type { ClockHandling, Emit, NumberGeneratorEvent } from '../../core/events/events.ts';
import type { Guarantee, Severity } from '../../core/events/finding.ts';
import type { ReservationState } from '../../core/ledger/ledger-rule.ts';
import { createTally, registerCounter, registerGauge } from './collected.ts';

type Type = NumberGeneratorEvent['type'];
type Part = { readonly [Name in Type]?: (event: Extract<NumberGeneratorEvent, { type: Name }>) => void };

const plainCounter = (registry: Registry, name: string, help: string): { add(count?: number): void } => {
  let count = 0;
  registerCounter(registry, { name, help }, () => count);
  return {
    add: (more = 1) => {
      count += more;
    },
  };
};

/** The store, its outages, and what is found in its settings. */
const ofStores = (registry: Registry): Part => {
  const outages = plainCounter(
    registry,
    'number_generator_outages_total',
    'How often the store did not answer and numbers came from the standby segments.',
  );
  let present = 1;
  registerGauge(
    registry,
    { name: 'number_generator_store_present', help: '1 while the store of the counters answers, 0 in an outage.' },
    () => present,
  );
  const disconnects = createTally(['redis', 'postgres']);
  registerCounter(
    registry,
    {
      name: 'number_generator_store_disconnects_total',
      help: 'How often a store could not be reached any more.',
      labelNames: ['store'],
    },
    () => disconnects.samples('store'),
  );
  // Told only where there is one: prom-client shows a gauge without labels as 0 until it is set.
  let postgresPresent: 0 | 1 | undefined;
  registerGauge(
    registry,
    {
      name: 'number_generator_postgres_present',
      help: '1 while PostgreSQL answers, 0 while it does not; absent without DATABASE_URL.',
      labelNames: ['store'],
    },
    () => (postgresPresent === undefined ? [] : [[{ store: 'postgres' }, postgresPresent]]),
  );
  return {
    'outage-began': () => {
      outages.add();
      present = 0;
    },
    'store-returned': () => {
      present = 1;
    },
    'store-disconnected': () => disconnects.add('redis'),
    'ceiling-store-connected': () => {
      postgresPresent = 1;
    },
    'ceiling-store-disconnected': () => {
      postgresPresent = 0;
      disconnects.add('postgres');
    },
  };
};

/** Whether the ledger is the latest there was. */
const ofLedger = (registry: Registry): Part => {
  let behind = 0;
  let guarded = 1;
  registerGauge(
    registry,
    {
      name: 'number_generator_ledger_sequences_behind',
      help: 'Gapless sequences that are refused, for the ledger went back to an earlier state.',
    },
    () => behind,
  );
  registerGauge(
    registry,
    {
      name: 'number_generator_gapless_guarded',
      help: '1 while a ledger that goes back would be found out, 0 while Redis cannot be told how far it has changed.',
    },
    () => guarded,
  );
  return {
    'ledger-behind': ({ sequences }) => {
      behind = sequences;
    },
    'gapless-guard': (event) => {
      guarded = event.guarded ? 1 : 0;
    },
  };
};

const ofFindings = (registry: Registry): Part => {
  // Those that there is an alert for are shown before they are found, so that it can tell "no" from "not looked".
  const findings = new Map<string, { severity: Severity; present: number }>([
    ['maxmemory-policy', { severity: 'error', present: 0 }],
    ['maxmemory', { severity: 'warning', present: 0 }],
  ]);
  registerGauge(
    registry,
    {
      name: 'number_generator_store_finding',
      help: '1 while this is found in the settings of the store, by severity; 0 when it no longer is.',
      labelNames: ['subject', 'severity'],
    },
    () => [...findings].map(([subject, { severity, present }]) => [{ subject, severity }, present] as const),
  );
  let guarantee: Guarantee | undefined;
  registerGauge(
    registry,
    {
      name: 'number_generator_guarantee',
      help: '1 for the guarantee in force: redis, replicas or postgres keep the ceilings.',
      labelNames: ['kind'],
    },
    () => (guarantee === undefined ? [] : [[{ kind: guarantee.kind }, 1]]),
  );
  return {
    'store-finding': ({ finding: { subject, severity } }) => findings.set(subject, { severity, present: 1 }),
    'store-finding-cleared': ({ subject }) => {
      const finding = findings.get(subject);
      if (finding !== undefined) finding.present = 0;
    },
    'guarantee-changed': (event) => {
      guarantee = event.guarantee;
    },
  };
};

/** Recoveries and ceilings: the fence. */
const ofTheFence = (registry: Registry): Part => {
  const begun = plainCounter(
    registry,
    'number_generator_recoveries_begun_total',
    'How often a sequence was found to have lost its latest state, as this node saw it.',
  );
  const ended = createTally<'exact' | 'jump'>(['exact', 'jump']);
  registerCounter(
    registry,
    {
      name: 'number_generator_recoveries_total',
      help: 'Recoveries that this node ended, by outcome: exact, or a jump above the ceiling that left a gap.',
      labelNames: ['outcome'],
    },
    () => ended.samples('outcome'),
  );
  let seconds = 0;
  registerCounter(
    registry,
    { name: 'number_generator_recovery_seconds_total', help: 'Seconds that the recoveries ended by this node took.' },
    () => seconds,
  );
  const notRaised = plainCounter(
    registry,
    'number_generator_ceiling_raises_failed_total',
    'How often a ceiling could not be raised.',
  );
  const notRegistered = plainCounter(
    registry,
    'number_generator_node_registrations_failed_total',
    'How often this node could not be registered in PostgreSQL.',
  );
  const buried = plainCounter(
    registry,
    'number_generator_nodes_buried_total',
    'Nodes that were silent for an hour and were struck out by this one.',
  );
  const advanced = plainCounter(
    registry,
    'number_generator_sequences_advanced_total',
    'How often a sequence was moved forward by hand, which leaves a gap.',
  );
  return {
    'sequence-recovering': () => begun.add(),
    'sequence-recovered': ({ jumpedTo, afterMs }) => {
      ended.add(jumpedTo === undefined ? 'exact' : 'jump');
      seconds += afterMs / 1_000;
    },
    'ceiling-not-raised': () => notRaised.add(),
    'node-not-registered': () => notRegistered.add(),
    'nodes-buried': ({ nodes }) => buried.add(nodes.length),
    'sequence-advanced': () => advanced.add(),
  };
};

const ofSnowflakes = (registry: Registry): Part => {
  const steps = createTally<ClockHandling>(['waited', 'kept', 'fresh-worker']);
  registerCounter(
    registry,
    {
      name: 'number_generator_clock_steps_total',
      help: 'How often the clock was set back while snowflake ids were made, by what was done about it.',
      labelNames: ['handling'],
    },
    () => steps.samples('handling'),
  );
  const lost = plainCounter(
    registry,
    'number_generator_worker_leases_lost_total',
    'How often the snowflake worker id of this node had become that of another.',
  );
  const notRenewed = plainCounter(
    registry,
    'number_generator_worker_renewals_failed_total',
    'How often the lease of the snowflake worker id could not be renewed.',
  );
  let worker = Number.NaN;
  registerGauge(
    registry,
    {
      name: 'number_generator_snowflake_worker',
      help: 'The snowflake worker id leased last; NaN when none ever was.',
    },
    () => worker,
  );
  return {
    'clock-stepped-back': ({ handling }) => steps.add(handling),
    'worker-lease-lost': () => lost.add(),
    'worker-lease-not-renewed': () => notRenewed.add(),
    'worker-lease-taken': (event) => {
      worker = event.worker;
    },
  };
};

const ofConfigs = (registry: Registry): Part => {
  const changes = createTally<'registered' | 'updated' | 'removed'>(['registered', 'updated', 'removed']);
  registerCounter(
    registry,
    {
      name: 'number_generator_prefix_config_changes_total',
      help: 'Prefix configs registered, updated and removed through this node.',
      labelNames: ['change'],
    },
    () => changes.samples('change'),
  );
  const corrupt = plainCounter(
    registry,
    'number_generator_corrupt_prefix_configs_total',
    'How often a stored prefix config was found that cannot be used.',
  );
  const healed = plainCounter(
    registry,
    'number_generator_prefix_configs_healed_total',
    'Prefix configs that were put back into Redis from their copy in PostgreSQL.',
  );
  return {
    'prefix-config-registered': () => changes.add('registered'),
    'prefix-config-updated': () => changes.add('updated'),
    'prefix-config-removed': () => changes.add('removed'),
    'prefix-config-corrupt': () => corrupt.add(),
    'prefix-configs-healed': (event) => healed.add(event.healed),
  };
};

/** Temporary numbers and the ledger. */
const ofWorkLeft = (registry: Registry): Part => {
  const temporary = createTally<'issued' | 'resolved'>(['issued', 'resolved']);
  registerCounter(
    registry,
    {
      name: 'number_generator_temporary_numbers_total',
      help: 'Temporary numbers issued and resolved through this node.',
      labelNames: ['status'],
    },
    () => temporary.samples('status'),
  );
  const reservations = createTally<ReservationState>();
  registerCounter(
    registry,
    {
      name: 'number_generator_reservations_total',
      help: 'Numbers reserved, and reservations confirmed and voided, by outcome. One that expires is not seen here.',
      labelNames: ['outcome'],
    },
    () => reservations.samples('outcome'),
  );
  const unsettled = plainCounter(
    registry,
    'number_generator_ledger_calls_unsettled_total',
    'Calls on the ledger that may have taken values for nobody, and could not be cancelled.',
  );
  return {
    'temporary-number-issued': () => temporary.add('issued'),
    'temporary-number-resolved': () => temporary.add('resolved'),
    reservation: ({ outcome }) => reservations.add(outcome),
    'ledger-calls-unsettled': ({ calls }) => unsettled.add(calls),
  };
};

const ofStrangers = (registry: Registry): Part => {
  const shares = plainCounter(
    registry,
    'number_generator_open_shares_total',
    'How often callers without a credential had taken a tenth, or half, of a series that ends, through this node.',
  );
  return { 'open-share': () => shares.add() };
};

const ofTraces = (registry: Registry): Part => {
  const failing = plainCounter(
    registry,
    'number_generator_trace_export_failures_total',
    'How often traces were not taken any more where they are sent.',
  );
  return { 'traces-not-exported': () => failing.add() };
};

/** @param timeoutMs how long a shutdown may take. */
const ofShutdown = (registry: Registry, timeoutMs: number): Part => {
  let beganMs: number | undefined;
  registerGauge(
    registry,
    {
      name: 'number_generator_shutdown_seconds',
      help: 'Seconds since the process was asked to stop; 0 before. Seen to the end where METRICS_PORT is set.',
    },
    () => (beganMs === undefined ? 0 : (performance.now() - beganMs) / 1_000),
  );
  registerGauge(
    registry,
    { name: 'number_generator_shutdown_timeout_seconds', help: 'Seconds a shutdown may take (SHUTDOWN_TIMEOUT_MS).' },
    () => timeoutMs / 1_000,
  );
  return {
    'stop-began': () => {
      beganMs = performance.now();
    },
  };
};

/** Registers the metrics of all rare facts. @returns what listens to them. */
export const createEventMetrics = (registry: Registry, shutdownTimeoutMs: number): Emit => {
  const listeners: Part = {
    ...ofStores(registry),
    ...ofFindings(registry),
    ...ofLedger(registry),
    ...ofTheFence(registry),
    ...ofSnowflakes(registry),
    ...ofConfigs(registry),
    ...ofWorkLeft(registry),
    ...ofStrangers(registry),
    ...ofTraces(registry),
    ...ofShutdown(registry, shutdownTimeoutMs),
  };
  return (event) => (listeners[event.type] as ((fact: NumberGeneratorEvent) => void) | undefined)?.(event);
};
