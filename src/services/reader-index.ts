/** Which series may have printed a number: readers of the prefix configs, found by what their numbers begin with. */
import type { Clock } from '../core/clock.ts';
import type { PrefixConfig } from '../core/prefix-config.ts';
import type { PrefixConfigStore } from '../core/prefix-config-store.ts';
import { parseTemplate } from '../core/template.ts';
import { compileReader, type NumberReader } from '../core/template-reader.ts';

export interface IndexedReader {
  readonly config: PrefixConfig;
  readonly read: NumberReader;
}

export interface ReaderIndex {
  /**
   * The readers of all series whose numbers can begin as this one does, at most 5 s behind the store. `complete`: false when there
   * are more prefix configs, or more such series, than are looked at.
   * @throws the store's errors.
   */
  candidates(number: string): Promise<{ readonly readers: readonly IndexedReader[]; readonly complete: boolean }>;
}

/** Prefix configs that are looked at. */
const CONFIGS_MAX = 10_000;
/** Readers that are tried on one number. */
const READERS_MAX = 100;
const FRESH_MS = 5_000;
const PAGE = 1_000;

interface Index {
  readonly readAtMs: number;
  readonly byLead: ReadonlyMap<string, readonly IndexedReader[]>;
  readonly leadLengthMax: number;
  readonly complete: boolean;
}

/** What every number of a series begins with: literals and the prefix key, up to the first part that changes. */
const leadOf = ({ format, prefixKey }: PrefixConfig): string => {
  let lead = '';
  for (const part of parseTemplate(format.normalize('NFC')).head) {
    if ('text' in part) lead += part.text;
    else if ('variable' in part && part.variable === 'prefix') lead += prefixKey;
    else break;
  }
  return lead;
};

/** A reader is compiled when it is first needed: most never are. */
const lazily = (config: PrefixConfig): IndexedReader => {
  let reader: NumberReader | undefined;
  return {
    config,
    read: (number) => {
      reader ??= compileReader(config);
      return reader(number);
    },
  };
};

export const createReaderIndex = (store: Pick<PrefixConfigStore, 'list'>, clock: Clock): ReaderIndex => {
  let index: Index | undefined;
  let reading: Promise<Index> | undefined;

  const build = async (): Promise<Index> => {
    const readAtMs = clock.now();
    const byLead = new Map<string, IndexedReader[]>();
    let [after, seen, leadLengthMax, isOver] = ['', 0, 0, false];
    while (!isOver && seen < CONFIGS_MAX) {
      const page = await store.list(after, PAGE);
      for (const { prefixKey, stored } of page) {
        after = prefixKey;
        if (stored.kind !== 'config') continue;
        const lead = leadOf(stored.config);
        leadLengthMax = Math.max(leadLengthMax, lead.length);
        const sharing = byLead.get(lead);
        if (sharing === undefined) byLead.set(lead, [lazily(stored.config)]);
        else sharing.push(lazily(stored.config));
      }
      seen += page.length;
      isOver = page.length < PAGE;
    }
    index = { readAtMs, byLead, leadLengthMax, complete: isOver };
    return index;
  };

  /** Those who ask at the same time share one look through the store. */
  const current = async (): Promise<Index> => {
    const ageMs = index === undefined ? Number.POSITIVE_INFINITY : clock.now() - index.readAtMs;
    if (index !== undefined && ageMs >= 0 && ageMs < FRESH_MS) return index;
    reading ??= build().finally(() => {
      reading = undefined;
    });
    return reading;
  };

  return {
    candidates: async (number) => {
      const { byLead, leadLengthMax, complete } = await current();
      const readers: IndexedReader[] = [];
      for (let length = Math.min(number.length, leadLengthMax); length >= 0; length -= 1) {
        readers.push(...(byLead.get(number.slice(0, length)) ?? []));
      }
      const tried = readers.slice(0, READERS_MAX);
      return { readers: tried, complete: complete && tried.length === readers.length };
    },
  };
};
