/** Reading numbers: which prefix, period and value a number is of, whether its check digit is right, and whether it was issued. */
import { CorruptEntryError, PrefixNotRegisteredError } from '../../core/errors.ts';
import { type NumberReading, spellingsOf } from '../../core/prefix-config/number-reader.ts';
import type { PrefixConfigStore } from '../../core/prefix-config/prefix-config-store.ts';
import { sequenceOf, seriesOf } from '../../core/values/sequence-id.ts';
import { type NumberedReader, readersOf } from './numbered-readers.ts';
import type { ReaderIndex } from './reader-index.ts';
import type { ValueTrace, ValueTracer } from './value-tracer.ts';

export interface TracedReading extends NumberReading, ValueTrace {
  readonly prefixKey: string;
}

export interface ReadNumber {
  /** One per prefix that prints this number; none when no prefix does. */
  readonly readings: readonly TracedReading[];
  /** Whether all prefixes were looked at: see `ReaderIndex`. */
  readonly complete: boolean;
}

export interface NumberLookupService {
  /**
   * Takes a number apart by the formats as they are and were.
   * @param prefixKey the only prefix to look at; undefined: all that `visible` accepts.
   * @throws PrefixNotRegisteredError, CorruptEntryError, or the store's errors.
   */
  read(number: string, prefixKey: string | undefined, visible: (prefixKey: string) => boolean): Promise<ReadNumber>;
}

interface Dependencies {
  readonly store: Pick<PrefixConfigStore, 'find' | 'histories'>;
  readonly index: ReaderIndex;
  readonly tracer: ValueTracer;
}

const WRONG_CHECK_DIGIT: ValueTrace = { issued: 'not-issued', reason: 'Its check digit is wrong' };

const OTHER_FORMAT: ValueTrace = {
  issued: 'not-issued',
  reason: 'In the format of its time that value looks otherwise',
};
const EITHER_FORMAT: ValueTrace = {
  issued: 'unknown',
  reason: 'The format was changed, and nobody can say whether that value was taken before or after',
};

/** Of a number that shows more than its period and value, such as the day, or what the caller gave. */
const REST_FORGOTTEN = 'what else the number shows is taken as it stands: a counter remembers the value alone';

interface Found {
  readonly reader: NumberedReader;
  readonly time: 'then' | 'other' | 'unsure';
  readonly traced: TracedReading;
}

/** Of a prefix with several collision rules: the one that printed the number, or else that none did. */
const isTold = ({ reader, time, traced }: Found, all: readonly Found[]): boolean => {
  const same = all.filter((one) => one.traced.prefixKey === traced.prefixKey);
  const told = same.filter((one) => one.time !== 'other');
  const first = (told.length > 0 ? told : same).find(
    (one) => one.traced.value === traced.value && one.traced.period === traced.period,
  );
  return (time !== 'other' || told.length === 0) && first?.reader === reader;
};

export const createNumberLookupService = ({ store, index, tracer }: Dependencies): NumberLookupService => {
  const candidatesFor = async (
    number: string,
    prefixKey: string | undefined,
    visible: (prefixKey: string) => boolean,
  ) => {
    if (prefixKey === undefined) return index.candidates(number, visible);
    const [stored] = await store.find([prefixKey]);
    if (stored === undefined) throw new PrefixNotRegisteredError(prefixKey);
    if (stored.kind === 'corrupt') throw new CorruptEntryError(prefixKey, stored.reason);
    const [history] = await store.histories([prefixKey]);
    return { readers: readersOf(stored.config, history), complete: true };
  };

  const judge = async (number: string, reader: NumberedReader, reading: NumberReading): Promise<Found> => {
    const { prefixKey } = reader.config;
    const time = reader.timeOf(reading);
    const trace = async (): Promise<ValueTrace> => {
      if (reading.checkDigit === 'wrong') return WRONG_CHECK_DIGIT;
      if (time === 'other') return OTHER_FORMAT;
      const traced = await tracer.trace(
        reader.config,
        sequenceOf(seriesOf(prefixKey), reading.period),
        reading.value,
        number,
      );
      if (traced.issued !== 'issued') return traced;
      if (time === 'unsure') return EITHER_FORMAT;
      return reader.isTextRemembered() ? traced : { ...traced, reason: `${traced.reason}; ${REST_FORGOTTEN}` };
    };
    return { reader, time, traced: { prefixKey, ...reading, ...(await trace()) } };
  };

  const readAs = async (
    number: string,
    prefixKey: string | undefined,
    visible: (prefixKey: string) => boolean,
  ): Promise<ReadNumber> => {
    const { readers, complete } = await candidatesFor(number, prefixKey, visible);
    const found: Found[] = [];
    for (const reader of readers) {
      const reading = visible(reader.config.prefixKey) ? reader.read(number) : undefined;
      if (reading !== undefined) found.push(await judge(number, reader, reading));
    }
    const readings = found.filter((one) => isTold(one, found)).map((one) => one.traced);
    return { readings, complete };
  };

  return {
    read: async (number, prefixKey, visible) => {
      let isComplete = true;
      for (const spelling of spellingsOf(number)) {
        const { readings, complete } = await readAs(spelling, prefixKey, visible);
        isComplete &&= complete;
        if (readings.length > 0) return { readings, complete: isComplete };
      }
      return { readings: [], complete: isComplete };
    },
  };
};
