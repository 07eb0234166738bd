/** Issuing numbers: the series is looked up, values are allocated, the template prints them. */
import type { AllocationRecord, AllocationTarget } from '../../allocators/allocator.ts';
import type { Caller } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { isStoreFailure, ValidationError } from '../../core/errors.ts';
import type { Emit } from '../../core/events/events.ts';
import type { Strategy } from '../../core/prefix-config/numbering.ts';
import { periodsBetween } from '../../core/template/period.ts';
import type { GivenVariables, NumberPrinter } from '../../core/template/printer.ts';
import type { NumberSource } from '../../core/values/number-source.ts';
import type { Range } from '../../core/values/range.ts';
import type { RequestIdentity } from '../../core/values/receipt.ts';
import type { SeriesId } from '../../core/values/sequence-id.ts';
import { createEndOfTick } from '../../lib/end-of-tick.ts';
import type { CallerShareOf } from '../shared/caller-share.ts';
import { requireClock } from './clock-check.ts';
import { findEarlier, type ReceiptReader } from './earlier-request.ts';
import { printInTurns } from './print-in-turns.ts';
import { keepSeries, printReceipt } from './receipt-printing.ts';
import type { Series } from './series.ts';
import type { SeriesCache } from './series-cache.ts';
import { allocatorOf, type Strategies } from './strategies.ts';
import type { TemporaryNumberService } from './temporary-number-service.ts';

/** The most numbers one request can take. */
export const COUNT_MAX = 10_000;

/** The strategies that can issue temporary numbers: they depend on a counter that can be away. */
const WITH_TEMPORARY_NUMBERS: ReadonlySet<Strategy> = new Set<Strategy>(['counter', 'segment']);

export interface IssuedNumbers {
  /** In the order of their values. */
  readonly numbers: readonly string[];
  /** `temporary`: these are stand-ins, to be replaced by hand. */
  readonly source: NumberSource;
}

/** Numbers that are not printed yet: a transport writes them in its own form. */
export interface IssuedRanges {
  /** In the order of the numbers. */
  readonly ranges: readonly Range[];
  readonly print: NumberPrinter;
  readonly source: NumberSource;
}

/** The options of a request beside prefix and count. */
export interface IssueOptions {
  /** What stands for `{var:name}` in the format, by name: all that it needs, and no others. */
  readonly variables?: GivenVariables | undefined;
  /**
   * The date of the document, when that is not now: a day in the time zone of the prefix, or an instant with offset. Default:
   * the present moment.
   */
  readonly date?: string | undefined;
  /** Part of the event that is emitted; strategies with a ledger store the subject. */
  readonly caller?: Caller | undefined;
  /** Of a request with an idempotency key: its repetition within 24 h gets the same numbers. */
  readonly receipt?: RequestIdentity | undefined;
}

export interface NumberService {
  /**
   * Issues `count` numbers (1 to 10,000), all dated by one reading of the clock. The strategy decides how values are
   * taken: `counter` takes consecutive ones, unless a range that was used during an outage lies between them.
   * @throws PrefixNotRegisteredError; ValidationError when a variable is missing, unknown or wrong, or numbers of that date
   * are not given; PeriodClosedError or SequenceOverflowError, when none was taken. StorageUnavailableError or
   * StorageTimeoutError when the store is away and the series' `outage` has nothing more to offer. CorruptEntryError
   * when what is stored for the prefix cannot be read. With a receipt also IdempotencyConflictError, and the store's
   * errors whatever the series' `outage` is. ClockBehindError when the clock cannot be right, and text, period or
   * receipt depend on it.
   */
  issue(series: SeriesId, count: number, options?: IssueOptions): Promise<IssuedNumbers>;
  /**
   * The same for many, which the caller prints. Temporary numbers, and those of a repeated request, come printed.
   */
  issueMany(series: SeriesId, count: number, options?: IssueOptions): Promise<IssuedRanges | IssuedNumbers>;
}

interface Dependencies {
  readonly seriesCache: SeriesCache;
  readonly strategies: Strategies;
  /** Whether the counter store answered the last call. */
  readonly isStorePresent: () => boolean;
  readonly temporaryNumberService: TemporaryNumberService;
  /** What the keys of a caller are counted against; undefined: nothing. */
  readonly keyAllowance?: CallerShareOf;
  /** How many periods a date may lie back, where the prefix lets it; undefined: any number. */
  readonly pastPeriodsMax?: number;
  /** Where the receipts of earlier requests are kept. */
  readonly receipts?: readonly ReceiptReader[];
  readonly clock: Clock;
  readonly emit: Emit;
}

const NO_OPTIONS: IssueOptions = {};

interface KeyedOptions extends IssueOptions {
  readonly receipt: RequestIdentity;
}

const isKeyed = (options: IssueOptions): options is KeyedOptions => options.receipt !== undefined;

/** The counter and the printer: of now, or of the date of the document. */
const momentOf = (series: Series, datedMs: number | undefined, instantMs: number) =>
  datedMs === undefined ? series.at(instantMs) : series.of(datedMs, instantMs);

const refuseKey = (strategy: Strategy): ValidationError =>
  new ValidationError([
    { path: 'Idempotency-Key', message: `Numbers of the strategy ${strategy} are taken without a key` },
  ]);

export const createNumberService = (dependencies: Dependencies): NumberService => {
  const { seriesCache, strategies, isStorePresent, temporaryNumberService, receipts = [], clock, emit } = dependencies;
  const { keyAllowance, pastPeriodsMax = Number.POSITIVE_INFINITY } = dependencies;

  /** Each period that is used leaves a counter in the store for good, so their number must be limited. */
  const dateOf = (series: Series, date: string, nowMs: number): number => {
    const datedMs = series.readDate(date, nowMs);
    const back = periodsBetween(series.periodAt(datedMs), series.periodAt(nowMs), series.config.reset);
    if (back <= pastPeriodsMax) return datedMs;
    const message = `Lies ${back} periods back; numbers are given of the last ${pastPeriodsMax} (PAST_PERIODS_MAX)`;
    throw new ValidationError([{ path: 'date', message }]);
  };

  const turnEnd = createEndOfTick();

  const issueValues = async (
    { config }: Series,
    target: AllocationTarget,
    count: number,
    record: AllocationRecord,
  ): Promise<IssuedRanges | IssuedNumbers> => {
    const allocator = allocatorOf(strategies, config.strategy);
    const { ranges, fromStandby } = await allocator.allocate(target, count, record);
    if (fromStandby || allocator.isLocal) await turnEnd();
    return { ranges, print: record.print, source: fromStandby ? 'standby' : allocator.source };
  };

  const issueFor = async (
    series: Series,
    count: number,
    instantMs: number,
    { variables, date, caller }: IssueOptions,
  ): Promise<IssuedRanges | IssuedNumbers> => {
    const datedMs = date === undefined ? undefined : dateOf(series, date, instantMs);
    const { target, printerFor } = momentOf(series, datedMs, instantMs);
    // Before anything is taken: a request that cannot be printed takes nothing.
    const record = { print: printerFor(variables), subject: caller?.subject };
    try {
      return await issueValues(series, target, count, record);
    } catch (error) {
      const { outage, prefixKey, strategy } = series.config;
      // No temporary numbers in a period that may be closed: a number in their place could not be promised.
      if (outage !== 'temporary' || target.isEnding || !WITH_TEMPORARY_NUMBERS.has(strategy) || !isStoreFailure(error))
        throw error;
      // The store came back between the refusal and this line, or the waiting line is full: try once more.
      if (isStorePresent()) return issueValues(series, target, count, record);
      return {
        numbers: temporaryNumberService.issue(prefixKey, count, instantMs, caller?.client, { variables, datedMs }),
        source: 'temporary',
      };
    }
  };

  /** The key of the config, not that of the request: the same text object each time is found faster. */
  const emitIssued = (
    { prefixKey, strategy }: Series['config'],
    count: number,
    source: NumberSource,
    caller: Caller | undefined,
  ): void => {
    emit({ type: 'numbers-issued', prefixKey, strategy, count, source }, caller);
  };

  /** A standby value or a temporary number could not be tied to the key: other nodes would know nothing of it. */
  const issueKeyed = async (
    series: Series,
    count: number,
    instantMs: number,
    { variables, date, caller, receipt: identity }: KeyedOptions,
  ): Promise<IssuedRanges | IssuedNumbers> => {
    const { config } = series;
    const allocator = allocatorOf(strategies, config.strategy);
    if (allocator.allocateKeyed === undefined) throw refuseKey(config.strategy);
    const datedMs = date === undefined ? undefined : dateOf(series, date, instantMs);
    const { target, printerFor } = momentOf(series, datedMs, instantMs);
    const print = printerFor(variables);
    const allowance = keyAllowance?.(config.prefixKey, caller);
    const draft = {
      ...identity,
      atMs: instantMs,
      allowance,
      series: keepSeries(config, datedMs ?? instantMs, variables, print),
    };
    const { receipt, replayed } = await allocator.allocateKeyed(target, count, draft, {
      ...{ print, subject: caller?.subject },
    });
    const { source } = allocator;
    if (replayed) return { numbers: await printReceipt(config.prefixKey, receipt), source };
    emitIssued(config, count, source, caller);
    return { ranges: receipt.ranges, print, source };
  };

  /** Also when the prefix was removed, or changed so that the request would be refused now. */
  const issueKeyedOrAgain = async (
    id: SeriesId,
    count: number,
    options: KeyedOptions,
  ): Promise<IssuedRanges | IssuedNumbers> => {
    const instantMs = clock.now();
    try {
      const series = await seriesCache.get(id);
      requireClock(series, instantMs, true);
      return await issueKeyed(series, count, instantMs, options);
    } catch (error) {
      const { receipt, source } = await findEarlier(receipts, id, options.receipt, instantMs, error);
      return { numbers: await printReceipt(id.prefixKey, receipt), source };
    }
  };

  const issue = async (id: SeriesId, count: number, options: IssueOptions): Promise<IssuedRanges | IssuedNumbers> => {
    if (isKeyed(options)) return issueKeyedOrAgain(id, count, options);
    const instantMs = clock.now();
    const found = seriesCache.get(id);
    // Not awaiting what is at hand saves a turn of the microtask queue per request.
    const series = found instanceof Promise ? await found : found;
    requireClock(series, instantMs, false);
    const issued = await issueFor(series, count, instantMs, options);
    emitIssued(series.config, count, issued.source, options.caller);
    return issued;
  };

  return {
    issue: async (series, count, options = NO_OPTIONS) => {
      const issued = await issue(series, count, options);
      if ('numbers' in issued) return issued;
      const { ranges, print, source } = issued;
      // The usual case, which need not wait.
      if (count === 1) return { numbers: ranges.map(({ first }) => print(first)), source };
      return { numbers: await printInTurns(ranges, print), source };
    },

    issueMany: (series, count, options = NO_OPTIONS) => issue(series, count, options),
  };
};
