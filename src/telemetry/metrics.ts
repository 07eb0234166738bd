/** The metrics: counted in plain slots on the way, folded into prom-client when Prometheus asks. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { CapacityMeasure, ClockHandling, Emit, NumberSource } from '../core/events.ts';
import type { ReservationState } from '../core/ledger.ts';

/** Counts the requests of one route. */
export type CountRequest = (status: number) => void;

export interface Metrics {
  /** Listens to the facts of the lower floors. */
  readonly listen: Emit;
  /** Makes the counter of a route; the route is the pattern, never the path, so that the labels stay few. */
  requestCounter(method: string, route: string): CountRequest;
  /** All metrics in the Prometheus text format. */
  render(): Promise<string>;
  readonly contentType: string;
}

interface RouteSlots {
  readonly method: string;
  readonly route: string;
  readonly byStatus: Map<number, number>;
}

export const createMetrics = (): Metrics => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const routes: RouteSlots[] = [];
  const issued = new Map<NumberSource, number>();
  const reservations = new Map<ReservationState, number>();
  let corruptEntries = 0;
  let capacities: readonly CapacityMeasure[] = [];
  const clockSteps = new Map<ClockHandling, number>();
  let worker = Number.NaN;
  let leasesLost = 0;

  // Labelled counters cost 150 ns a call and slots 3; so each collect() copies what the slots hold.
  new Counter({
    name: 'number_generator_http_requests_total',
    help: 'Answered HTTP requests by method, route pattern and status.',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { method, route, byStatus } of routes) {
        for (const [status, count] of byStatus) this.inc({ method, route, status }, count);
      }
    },
  });
  new Counter({
    name: 'number_generator_numbers_issued_total',
    help: 'Numbers handed out, by where their values came from.',
    labelNames: ['source'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [source, count] of issued) this.inc({ source }, count);
    },
  });
  new Counter({
    name: 'number_generator_reservations_total',
    help: 'Numbers reserved, and reservations confirmed and voided, by outcome. One that expires is not seen here.',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, count] of reservations) this.inc({ outcome }, count);
    },
  });
  new Counter({
    name: 'number_generator_corrupt_prefix_configs_total',
    help: 'How often a stored prefix config was found that cannot be used.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(corruptEntries);
    },
  });

  new Counter({
    name: 'number_generator_clock_steps_total',
    help: 'How often the clock was set back while snowflake ids were made, by what was done about it.',
    labelNames: ['handling'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [handling, count] of clockSteps) this.inc({ handling }, count);
    },
  });
  new Counter({
    name: 'number_generator_worker_leases_lost_total',
    help: 'How often the snowflake worker id of this node had become that of another.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(leasesLost);
    },
  });
  new Gauge({
    name: 'number_generator_snowflake_worker',
    help: 'The snowflake worker id leased last; NaN when none ever was.',
    registers: [registry],
    collect() {
      this.set(worker);
    },
  });

  new Gauge({
    name: 'number_generator_capacity_used_ratio',
    help: 'Share of the width (or the limit) that is used, of the 100 fullest prefixes of this node; the fullest of the rest is other.',
    labelNames: ['prefix'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { prefixKey, used } of capacities) this.set({ prefix: prefixKey }, used);
    },
  });
  new Gauge({
    name: 'number_generator_capacity_seconds_left',
    help: 'Until the width (or the limit) is reached at the recent pace; absent when it is not.',
    labelNames: ['prefix'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { prefixKey, secondsLeft } of capacities) {
        if (secondsLeft !== undefined) this.set({ prefix: prefixKey }, secondsLeft);
      }
    },
  });

  return {
    listen: (event) => {
      if (event.type === 'numbers-issued') issued.set(event.source, (issued.get(event.source) ?? 0) + event.count);
      else if (event.type === 'reservation') {
        reservations.set(event.outcome, (reservations.get(event.outcome) ?? 0) + 1);
      } else if (event.type === 'prefix-config-corrupt') corruptEntries += 1;
      else if (event.type === 'capacity-measured') {
        capacities = event.other === undefined ? event.measures : [...event.measures, event.other];
      } else if (event.type === 'worker-lease-taken') worker = event.worker;
      else if (event.type === 'worker-lease-lost') leasesLost += 1;
      else if (event.type === 'clock-stepped-back') {
        clockSteps.set(event.handling, (clockSteps.get(event.handling) ?? 0) + 1);
      }
    },
    requestCounter: (method, route) => {
      const byStatus = new Map<number, number>();
      routes.push({ method, route, byStatus });
      return (status) => {
        byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
      };
    },
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
};
