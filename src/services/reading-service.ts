/** Reading numbers: which prefix, period and value a number is of, whether its check digit is right, and whether it was issued. */
import { CorruptEntryError, PrefixNotRegisteredError } from '../core/errors.ts';
import type { PrefixConfigStore } from '../core/prefix-config-store.ts';
import { compileReader, type NumberReading, spellingsOf } from '../core/template-reader.ts';
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

export interface ReadingService {
  /**
   * Takes a number apart by the formats as they are now.
   * @param prefixKey the only prefix to look at; undefined: all that `visible` accepts.
   * @throws PrefixNotRegisteredError, CorruptEntryError, or the store's errors.
   */
  read(number: string, prefixKey: string | undefined, visible: (prefixKey: string) => boolean): Promise<ReadNumber>;
}

interface Dependencies {
  readonly store: Pick<PrefixConfigStore, 'find'>;
  readonly index: ReaderIndex;
  readonly tracer: ValueTracer;
}

const WRONG_CHECK_DIGIT: ValueTrace = { issued: 'not-issued', reason: 'Its check digit is wrong' };

export const createReadingService = ({ store, index, tracer }: Dependencies): ReadingService => {
  const candidatesFor = async (number: string, prefixKey: string | undefined) => {
    if (prefixKey === undefined) return index.candidates(number);
    const [stored] = await store.find([prefixKey]);
    if (stored === undefined) throw new PrefixNotRegisteredError(prefixKey);
    if (stored.kind === 'corrupt') throw new CorruptEntryError(prefixKey, stored.reason);
    return { readers: [{ config: stored.config, read: compileReader(stored.config) }], complete: true };
  };

  const readAs = async (
    number: string,
    prefixKey: string | undefined,
    visible: (prefixKey: string) => boolean,
  ): Promise<ReadNumber> => {
    const { readers, complete } = await candidatesFor(number, prefixKey);
    const readings: TracedReading[] = [];
    for (const { config, read } of readers) {
      const reading = visible(config.prefixKey) ? read(number) : undefined;
      if (reading === undefined) continue;
      const sequence = { prefixKey: config.prefixKey, period: reading.period };
      const trace =
        reading.checkDigit === 'wrong' ? WRONG_CHECK_DIGIT : await tracer.trace(config, sequence, reading.value);
      readings.push({ prefixKey: config.prefixKey, ...reading, ...trace });
    }
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
