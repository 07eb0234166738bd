/** Completeness reports: what became of every value of a sequence, to explain why a number is missing. */
import type { AllocationTarget } from '../../allocators/allocator.ts';
import type { Clock } from '../../core/clock.ts';
import { createTally, type Run, type Tally } from '../../core/counter/completeness.ts';
import type { CounterStore } from '../../core/counter/counter-store.ts';
import { QuotaExceededError, StorageUnavailableError, ValidationError } from '../../core/errors.ts';
import type { LedgerStore } from '../../core/ledger/ledger-store.ts';
import type { Strategy } from '../../core/prefix-config/numbering.ts';
import type { PrefixConfigStore } from '../../core/prefix-config/prefix-config-store.ts';
import type { NumberSource } from '../../core/values/number-source.ts';
import { type SeriesId, seriesKeyOf } from '../../core/values/sequence-id.ts';
import { createShares } from '../../lib/shares.ts';
import { targetOfPeriod } from '../numbers/period-target.ts';
import type { Series } from '../numbers/series.ts';
import type { SeriesCache } from '../numbers/series-cache.ts';
import { type RunPage, readCounterReport } from './counter-runs.ts';
import { readLedgerReport } from './ledger-runs.ts';
import { printerOfTime } from './numbered-readers.ts';

export interface ReportHead {
  readonly prefixKey: string;
  readonly strategy: Strategy;
  readonly period: string;
  /** Where it was read. */
  readonly store: NumberSource;
  /** The node that wrote it. */
  readonly node: string;
  /** When it was begun, ms since 1970-01-01T00:00:00Z. */
  readonly generatedAtMs: number;
}

export interface ReportSummary extends Tally {
  /** Whether the whole report is a snapshot of one moment. */
  readonly exact: boolean;
}

/** A report that is being written. It is not stored, and its pages are read once. */
export interface Report {
  readonly head: ReportHead;
  /** The runs, some at a time; to be read once. The first ones are there already; later ones may bring the store's errors. */
  readonly pages: AsyncIterable<readonly Run[]>;
  /** Prints the numbers of runs that come without them, as they were printed; undefined where that is unknown. */
  print(value: bigint): string | undefined;
  /** What the runs that were read add up to. */
  summary(): ReportSummary;
  /** Must be called when the report is done with, whether it was read or not. */
  close(): void;
}

export interface CompletenessService {
  /**
   * @param period the key of a period; undefined: the present one.
   * @throws PrefixNotRegisteredError; ValidationError when the prefix has no such period, or its strategy keeps no account of
   * its values; StorageUnavailableError when eight reports are under way; QuotaExceededError when four of this client or of this
   * prefix are; CorruptEntryError; the store's errors.
   */
  open(series: SeriesId, period: string | undefined, client: string): Promise<Report>;
}

interface Dependencies {
  readonly counters: Pick<CounterStore, 'inspect' | 'listGaps' | 'source'>;
  /** What gapless sequences are reported from; undefined where they are not served. */
  readonly ledger: Pick<LedgerStore, 'inspect' | 'listRows' | 'listReservations' | 'source'> | undefined;
  readonly configs: Pick<PrefixConfigStore, 'histories'>;
  readonly seriesCache: SeriesCache;
  readonly clock: Clock;
  /** Names this process. */
  readonly node: string;
}

/** Each may keep a store and a connection busy for long; numbers come first. */
const REPORTS_MAX = 8;
/** Of one client, or of one prefix: half, so that a slow reader does not block others. */
const SHARE_MAX = 4;
const RETRY_AFTER_S = 10;

/** The page that was read already, and those to come. */
async function* continued(first: RunPage, rest: AsyncGenerator<RunPage, void, void>): AsyncGenerator<RunPage> {
  yield first;
  yield* rest;
}

export const createCompletenessService = ({
  counters,
  ledger,
  configs,
  seriesCache,
  clock,
  node,
}: Dependencies): CompletenessService => {
  const slots = createShares(REPORTS_MAX, SHARE_MAX);

  /** The reader of what became of the values of a strategy. */
  const readerOf = ({ config }: Series) => {
    if (config.strategy === 'counter') {
      // A config that was never changed has the `initialSeq` with which counting began.
      const initialSeq = config.version === 1 ? config.initialSeq : undefined;
      const read = ({ sequence }: AllocationTarget) => readCounterReport(counters, { sequence, initialSeq });
      return { source: counters.source, read };
    }
    if (config.strategy === 'gapless') {
      if (ledger === undefined) throw new StorageUnavailableError('This process has no ledger.');
      return { source: ledger.source, read: (target: AllocationTarget) => readLedgerReport(ledger, target) };
    }
    const message = `${config.strategy} keeps no account of its values, so there is nothing to report`;
    throw new ValidationError([{ path: 'prefixKey', message }]);
  };

  const open = async (id: SeriesId, period: string | undefined): Promise<Omit<Report, 'close'>> => {
    const generatedAtMs = clock.now();
    const series = await seriesCache.get(id);
    const target = targetOfPeriod(series, period, generatedAtMs);
    const { source, read } = readerOf(series);
    const { sequence } = target;
    const [history] = await configs.histories([seriesKeyOf(id)]);
    const tally = createTally();
    let exact = true;

    const runs = read(target);
    // A failure of the store shows here, while an error can still be returned.
    const { value: first = { runs: [], exact: true } } = await runs.next();
    async function* pages(): AsyncGenerator<readonly Run[]> {
      for await (const page of continued(first, runs)) {
        for (const run of page.runs) tally.add(run);
        exact &&= page.exact;
        yield page.runs;
      }
    }
    return {
      head: {
        prefixKey: id.prefixKey,
        strategy: series.config.strategy,
        period: sequence.period,
        store: source,
        node,
        generatedAtMs,
      },
      pages: pages(),
      print: printerOfTime(series.config, history, sequence.period),
      summary: () => ({ ...tally.total(), exact }),
    };
  };

  return {
    open: async (id, period, client) => {
      const close = slots.take([client, `prefix ${seriesKeyOf(id)}`]);
      if (close === 'full') throw new StorageUnavailableError('Too many reports are being written.');
      if (typeof close === 'object') {
        const whose = close.party === client ? undefined : id.prefixKey;
        throw new QuotaExceededError({ kind: 'reports', max: SHARE_MAX, prefixKey: whose }, RETRY_AFTER_S);
      }
      try {
        return { ...(await open(id, period)), close };
      } catch (error) {
        close();
        throw error;
      }
    },
  };
};
