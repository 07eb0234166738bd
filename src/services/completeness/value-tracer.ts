/** Finds out what became of one value (issued, not issued, or known only to a node) from its counter or its ledger. */
import { originAtMost } from '../../core/counter/completeness.ts';
import type { CounterStore, SequenceState } from '../../core/counter/counter-store.ts';
import { LedgerBehindError } from '../../core/errors.ts';
import type { LedgerStore } from '../../core/ledger/ledger-store.ts';
import type { PrefixConfig } from '../../core/prefix-config/prefix-config.ts';
import type { Gap } from '../../core/values/gap.ts';
import type { Range } from '../../core/values/range.ts';
import type { SequenceId } from '../../core/values/sequence-id.ts';

export interface ValueTrace {
  readonly issued: 'issued' | 'not-issued' | 'unknown';
  /** A sentence that says why. */
  readonly reason: string;
}

export interface ValueTracer {
  /** @throws StorageUnavailableError or StorageTimeoutError; CorruptEntryError when what is stored cannot be used. */
  trace(config: PrefixConfig, sequence: SequenceId, value: bigint, number?: string): Promise<ValueTrace>;
}

/** Entries of a gap record that are looked through. */
const GAPS_MAX = 10_000;
/**
 * How often the state and the gap record, which are read one after the other, are read again when the state changed in
 * between.
 */
const LOOKS_MAX = 3;

const answer = (issued: ValueTrace['issued'], reason: string): ValueTrace => ({ issued, reason });

const holds = ({ first, last }: Range, value: bigint): boolean => first <= value && value <= last;

const ofGap = ({ reason, node }: Gap): ValueTrace => {
  if (reason === 'advance') return answer('not-issued', 'It was skipped when the sequence was moved forward');
  if (reason === 'void') return answer('not-issued', 'It was voided');
  const who = node === undefined ? 'a node' : `the node ${node}`;
  return answer('unknown', `It stands in the gap record (${reason}): only ${who} could say whether it was issued`);
};

/** Of a sequence that an earlier version has stored without saying where it began. */
const isAboveBegin = (state: SequenceState, config: PrefixConfig, gaps: readonly Gap[], value: bigint): boolean => {
  if (value > (originAtMost(state, gaps) ?? value)) return true;
  // A config that was never changed says how it was when counting began.
  return config.version === 1 && value > config.initialSeq;
};

const ofState = (state: SequenceState, config: PrefixConfig, gaps: readonly Gap[], value: bigint): ValueTrace => {
  const ahead = state.ahead.find((range) => holds(range, value));
  if (ahead?.node !== undefined) return answer('unknown', `It lies in the standby segment of the node ${ahead.node}`);
  if (ahead !== undefined) return answer('issued', 'It was issued from a standby segment, ahead of the counter');
  if (state.value === undefined || value > state.value) return answer('not-issued', 'The counter has not reached it');
  if (state.free.some((range) => holds(range, value))) return answer('not-issued', 'It was given back, and comes next');
  if (state.origin !== undefined && value <= state.origin) return answer('not-issued', 'Counting began above it');
  if (state.origin === undefined && !isAboveBegin(state, config, gaps, value)) {
    return answer('unknown', 'The counter has passed it, but where counting began is not known');
  }
  return answer('issued', 'The counter has passed it, and it is missing nowhere');
};

interface Dependencies {
  readonly counters: Pick<CounterStore, 'inspect' | 'listGaps'>;
  readonly ledger: Pick<LedgerStore, 'findRow'> | undefined;
}

export const createValueTracer = ({ counters, ledger }: Dependencies): ValueTracer => {
  const traceInCounter = async (config: PrefixConfig, sequence: SequenceId, value: bigint): Promise<ValueTrace> => {
    for (let look = 0; look < LOOKS_MAX; look += 1) {
      const { changes } = await counters.inspect(sequence);
      const gaps = await counters.listGaps(sequence, 0n, GAPS_MAX);
      const state = await counters.inspect(sequence);
      if (state.recovering) return answer('unknown', 'The sequence is being recovered');
      if (state.changes !== changes) continue;
      const gap = gaps.find(({ range }) => holds(range, value));
      if (gap !== undefined) return ofGap(gap);
      const isSeenThrough = gaps.length < GAPS_MAX || (gaps.at(-1)?.range.first ?? 0n) > value;
      return isSeenThrough
        ? ofState(state, config, gaps, value)
        : answer('unknown', 'The gap record is too long to look through');
    }
    return answer('unknown', 'The gap record changes too fast to look through');
  };

  const traceInLedger = async (
    sequence: SequenceId,
    value: bigint,
    number: string | undefined,
  ): Promise<ValueTrace> => {
    const row = await ledger?.findRow(sequence, value).catch((error: unknown) => {
      if (error instanceof LedgerBehindError) return error;
      throw error;
    });
    if (row instanceof LedgerBehindError) return answer('unknown', row.message);
    if (row === undefined) return answer('not-issued', 'The ledger has no row of it');
    if (row.state === 'lost') {
      const why = row.reason === undefined ? 'It came free, and' : `It was lost (${row.reason}):`;
      return answer(
        'unknown',
        `${why} the sequence was moved past it; an earlier state of the ledger may have issued it`,
      );
    }
    if (number !== undefined && row.number.normalize('NFC') !== number.normalize('NFC')) {
      return answer('not-issued', 'The ledger has another number for that value');
    }
    if (row.state === 'void') return answer('not-issued', 'It was voided, and can be taken again');
    if (row.state === 'reserved') return answer('not-issued', 'It is reserved, and not confirmed yet');
    return answer('issued', `The ledger says ${row.state}`);
  };

  return {
    trace: async (config, sequence, value, number) => {
      if (config.strategy === 'gapless' && ledger !== undefined) return traceInLedger(sequence, value, number);
      if (config.strategy === 'counter') return traceInCounter(config, sequence, value);
      return answer('unknown', `The strategy ${config.strategy} leaves it to the nodes which values are issued`);
    },
  };
};
