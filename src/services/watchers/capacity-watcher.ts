/**
 * Watches how fast the series are used up: forecasts on request, warnings before one ends, the fullest ones for the
 * metrics.
 */
import type { Standing } from '../../allocators/allocator.ts';
import { putBounded } from '../../core/bounded-map.ts';
import type { Clock } from '../../core/clock.ts';
import type { CapacityMeasure, Emit } from '../../core/events/events.ts';
import {
  beginPace,
  observe,
  type Pace,
  passOver,
  reachedAtMs,
  type Usage,
  usageOf,
  valuesPerMs,
  WARNING_SHARES,
  widthOf,
} from '../../core/prefix-config/capacity.ts';
import { limitOf, type PrefixConfig } from '../../core/prefix-config/prefix-config.ts';
import { readCalendar } from '../../core/template/calendar.ts';
import { periodKeyOf } from '../../core/template/period.ts';
import { columnsOf, type SequenceId, sequenceKeyOf } from '../../core/values/sequence-id.ts';
import type { SeriesCache } from '../numbers/series-cache.ts';
import { every } from './every.ts';
import { worstPerPrefix } from './worst-per-prefix.ts';

export interface Forecast {
  /** The pace of the last half to whole day, as this node saw the counter move; undefined before it was watched for a minute. */
  readonly valuesPerDay: number | undefined;
  /** When the numbers grow longer, or (`overflow: reject`) the series ends; ms. Undefined: not in this period at this pace. */
  readonly widthReachedAtMs: number | undefined;
  /** When the series ends; ms. */
  readonly limitReachedAtMs: number | undefined;
}

/** Where a sequence stands, and in which epoch. */
type Stand = Pick<Standing, 'value' | 'epoch'>;

export interface CapacityWatcher {
  /** Takes in where a sequence stands, and returns when it will be used up. */
  forecast(config: PrefixConfig, sequence: SequenceId, standing: Stand): Forecast;
  /** A sequence was moved forward: what was passed over is no pace. */
  passOver(sequence: SequenceId, from: bigint, to: bigint): void;
  /** Looks at all sequences of this node, as it does every 10 s. */
  look(): Promise<void>;
  close(): void;
}

interface Dependencies {
  readonly seriesCache: Pick<SeriesCache, 'peek'>;
  /** The sequences in use on this node. */
  readonly standings: () => Iterable<Standing>;
  /** Prefixes with measures of their own; the fullest of the others is reported as `other`. */
  readonly measuredMax: number;
  readonly clock: Clock;
  readonly emit: Emit;
}

const LOOK_INTERVAL_MS = 10_000;
/** Sequences checked before other work gets a turn of the event loop. */
const SLICE = 2_000;
/** Beyond, the one that was not seen for longest is forgotten. Some 300 bytes each. */
const WATCHED_MAX = 100_000;
const DAY_MS = 86_400_000;

interface Watched {
  pace: Pace;
  /** The latest in which it was seen; 0 before the first, and where nothing recovers. */
  epoch: bigint;
  /** What was warned of: bound and share. */
  readonly warned: Set<string>;
}

export const createCapacityWatcher = (dependencies: Dependencies): CapacityWatcher => {
  const { seriesCache, standings, measuredMax, clock, emit } = dependencies;
  /** The one that was seen last comes last. */
  const watched = new Map<string, Watched>();

  const see = (sequence: SequenceId, { value, epoch = 0n }: Stand, initialSeq: bigint, nowMs: number): Watched => {
    const name = sequenceKeyOf(sequence);
    const known = watched.get(name);
    const entry = known ?? { pace: beginPace(value, nowMs), epoch, warned: new Set<string>() };
    const { latest } = entry.pace;
    if (entry.epoch < epoch) {
      // What a recovery passed over looks like what was handed out since the last look: neither is pace.
      const isRecovered = entry.epoch > 0n && latest.value < value;
      entry.epoch = epoch;
      if (isRecovered) entry.pace = passOver(entry.pace, value - latest.value);
    } else if (latest.value < initialSeq && initialSeq <= value) {
      // What a raised initialSeq passed over was handed out to nobody.
      entry.pace = passOver(entry.pace, initialSeq - latest.value);
    }
    entry.pace = observe(entry.pace, value, nowMs);
    putBounded(watched, name, entry, WATCHED_MAX);
    return entry;
  };

  const tell = (config: PrefixConfig, period: string, value: bigint, pace: Pace, nowMs: number): Forecast => {
    const perMs = valuesPerMs(pace);
    const { reset, timeZone, fiscalYearStart } = config;
    const dateOf = (highest: bigint): number | undefined => {
      const atMs = perMs === undefined ? undefined : reachedAtMs(value, highest, perMs, nowMs);
      if (atMs === undefined || reset === 'never') return atMs;
      // Counting will have begun anew by then.
      return periodKeyOf(readCalendar(atMs, timeZone), reset, fiscalYearStart) === period ? atMs : undefined;
    };
    return {
      valuesPerDay: perMs === undefined ? undefined : perMs * DAY_MS,
      widthReachedAtMs: dateOf(widthOf(config)),
      limitReachedAtMs: dateOf(limitOf(config)),
    };
  };

  /** Once for each share of each bound; the highest one that is passed stands for those below. */
  const warn = (sequence: SequenceId, entry: Watched, value: bigint, usage: Usage, reachedAt: number | undefined) => {
    const passed = WARNING_SHARES.filter((share) => usage.used >= share);
    const share = passed.at(-1);
    if (share === undefined || entry.warned.has(`${usage.bound} ${share}`)) return;
    for (const one of passed) entry.warned.add(`${usage.bound} ${one}`);
    const { bound, highest, used } = usage;
    emit({ type: 'capacity', ...columnsOf(sequence), bound, share, used, value, highest, reachedAtMs: reachedAt });
  };

  const lookAt = ({ sequence, ...stand }: Standing, nowMs: number): CapacityMeasure | undefined => {
    const config = seriesCache.peek(sequence.series)?.config;
    if (config === undefined) return undefined;
    const { value } = stand;
    const entry = see(sequence, stand, config.initialSeq, nowMs);
    const usage = usageOf(value, config);
    const { widthReachedAtMs, limitReachedAtMs } = tell(config, sequence.period, value, entry.pace, nowMs);
    const reachedAt = usage.bound === 'width' ? widthReachedAtMs : limitReachedAtMs;
    warn(sequence, entry, value, usage, reachedAt);
    const secondsLeft = reachedAt === undefined ? undefined : (reachedAt - nowMs) / 1_000;
    return { prefixKey: sequence.series.prefixKey, used: usage.used, secondsLeft };
  };

  /** @param sorted by use. Of more than there is room for, the fullest of the rest stands for all of them. */
  const report = (sorted: readonly CapacityMeasure[]): void => {
    const other = sorted.slice(measuredMax);
    const soonest = other.flatMap(({ secondsLeft }) => (secondsLeft === undefined ? [] : [secondsLeft]));
    const rest = {
      prefixKey: 'other',
      used: other[0]?.used ?? 0,
      secondsLeft: soonest.length === 0 ? undefined : soonest.reduce((a, b) => Math.min(a, b)),
    };
    const measured = sorted.slice(0, measuredMax);
    emit({ type: 'capacity-measured', measures: measured, other: other.length === 0 ? undefined : rest });
  };

  const look = async (): Promise<void> => {
    const nowMs = clock.now();
    const sorted = await worstPerPrefix({
      standings: standings(),
      slice: SLICE,
      measureOf: (standing) => lookAt(standing, nowMs),
      compare: (a, b) => b.used - a.used,
    });
    report(sorted);
  };

  const close = every(LOOK_INTERVAL_MS, look);

  return {
    forecast: (config, sequence, stand) => {
      const nowMs = clock.now();
      const { pace } = see(sequence, stand, config.initialSeq, nowMs);
      return tell(config, sequence.period, stand.value, pace, nowMs);
    },
    passOver: (sequence, from, to) => {
      const entry = watched.get(sequenceKeyOf(sequence));
      if (entry !== undefined) entry.pace = passOver(entry.pace, to - from);
    },
    look,
    close,
  };
};
