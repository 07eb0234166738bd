/** Keeps one cause from filling the log: of equal lines one is written every ten seconds, with the number left out. */
import { putBounded } from '../../core/bounded-map.ts';

/** Events that traffic or a lasting fault can repeat without end. What happens once, or at somebody's hand, is always written. */
const SAMPLED = new Set([
  'ceiling-not-raised',
  'clock-stepped-back',
  'forbidden',
  'node-not-registered',
  'prefix-config-corrupt',
  'prefix-config-refresh-failed',
  'prefix-configs-healing-failed',
  'quota-exceeded',
  'rate-limited',
  'request-refused',
  'unauthorized',
  'worker-lease-not-renewed',
]);
const INTERVAL_MS = 10_000;
/** Different causes told apart; strangers choose some of them, so their number has a bound. */
const CAUSES_MAX = 1_000;

type Fields = Readonly<Record<string, unknown>>;

interface Cause {
  writtenMs: number;
  leftOut: number;
}

/** @returns how many like it were left out since the last one that was written; undefined: leave this one out too. */
export type Sample = (fields: Fields) => number | undefined;

/** @param monotonic milliseconds of a clock that is never set back. */
export const createLogSampling = (monotonic: () => number): Sample => {
  const causes = new Map<string, Cause>();
  return (fields) => {
    const { event, code, client, subject, reason, prefix_key: prefixKey, method, path, handling } = fields;
    if (typeof event !== 'string' || !SAMPLED.has(event)) return 0;
    // Whoever is forbidden something is known; a stranger could make up paths without end.
    const call = event === 'forbidden' ? [method, path] : [];
    const name = [event, code, client, subject, reason, prefixKey, handling, ...call].join(' ');
    const nowMs = monotonic();
    const cause = causes.get(name);
    if (cause !== undefined && nowMs - cause.writtenMs < INTERVAL_MS) {
      cause.leftOut += 1;
      return undefined;
    }
    putBounded(causes, name, { writtenMs: nowMs, leftOut: 0 }, CAUSES_MAX);
    return cause?.leftOut ?? 0;
  };
};
