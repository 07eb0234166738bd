/** Metrics of rare events, counted as they are emitted: outages, recoveries, clock steps, findings. */
import type { Registry } from 'prom-client';
import type { ClockHandling, Emit, NumberGeneratorEvent } from '../../core/events/events.ts';
import type { ReservationState } from '../../core/ledger/ledger-rule.ts';
import { createTally, registerCounter, registerGauge } from './collected.ts';
import type { Part } from './event-listeners.ts';
import { plainCounter } from './plain-counter.ts';
import { ofFindings, ofLedger, ofStores, ofTheFence } from './store-event-metrics.ts';

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
