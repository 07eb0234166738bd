/** Counts and times the requests of each route: what is written on the way is a few plain numbers. */
import type { Registry } from 'prom-client';
import { type Buckets, createBuckets, isEmpty, observe, registerBuckets } from './buckets.ts';
import { registerCounter } from './collected.ts';

/** Takes note of an answered request: its status, and how long it took. */
export type CountRequest = (status: number, ms: number) => void;

/** Seconds. The service answers within a millisecond or two; a command of Redis may take a second. */
const DURATIONS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'];

interface RouteSlots {
  readonly method: string;
  readonly route: string;
  readonly byStatus: Map<number, number>;
  readonly byClass: readonly Buckets[];
}

/** @returns makes what counts the requests of a route; the route is the pattern, never the path, so that the labels stay few. */
export const createRequestMetrics = (registry: Registry): ((method: string, route: string) => CountRequest) => {
  const slots = new Map<string, RouteSlots>();
  const requests = {
    name: 'number_generator_http_requests_total',
    help: 'Answered HTTP requests by method, route pattern and status.',
    labelNames: ['method', 'route', 'status'],
  };
  registerCounter(registry, requests, () =>
    [...slots.values()].flatMap(({ method, route, byStatus }) =>
      [...byStatus].map(([status, count]) => [{ method, route, status }, count] as const),
    ),
  );
  const durations = {
    name: 'number_generator_http_request_duration_seconds',
    help: 'From the headers of a request to the sending of its reply, by method, route pattern and class of status.',
    labelNames: ['method', 'route', 'status_class'],
  };
  registerBuckets(registry, durations, () =>
    [...slots.values()].flatMap(({ method, route, byClass }) =>
      byClass.flatMap((buckets, index) =>
        isEmpty(buckets) ? [] : [[{ method, route, status_class: CLASSES[index] ?? '' }, buckets] as const],
      ),
    ),
  );
  const slotsOf = (method: string, route: string): RouteSlots => {
    const known = slots.get(`${method} ${route}`);
    if (known !== undefined) return known;
    const byClass = CLASSES.map(() => createBuckets(DURATIONS));
    const made = { method, route, byStatus: new Map<number, number>(), byClass };
    slots.set(`${method} ${route}`, made);
    return made;
  };
  return (method, route) => {
    const { byStatus, byClass } = slotsOf(method, route);
    return (status, ms) => {
      byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
      const buckets = byClass[((status / 100) | 0) - 1];
      if (buckets !== undefined) observe(buckets, ms / 1_000);
    };
  };
};
