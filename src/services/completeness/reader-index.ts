/** Which series may have printed a number: readers of the prefix configs, found by what their numbers begin with. */
import type { Clock } from '../../core/clock.ts';
import type { PrefixConfig } from '../../core/prefix-config/prefix-config.ts';
import type { PrefixConfigStore } from '../../core/prefix-config/prefix-config-store.ts';
import { parseTemplate } from '../../core/template/template.ts';
import { type NumberedReader, readersOf } from './numbered-readers.ts';

export interface ReaderIndex {
  /**
   * The readers of all series that `visible` accepts and whose numbers can, or could, begin as this one does, at most 5 s behind the
   * store. `complete`: false when there are more prefix configs, or more such series, than are looked at.
   * @throws the store's errors.
   */
  candidates(
    number: string,
    visible: (prefixKey: string) => boolean,
  ): Promise<{ readonly readers: readonly NumberedReader[]; readonly complete: boolean }>;
}

/** Prefix configs that are looked at. */
const CONFIGS_MAX = 10_000;
/** Readers that are tried on one number. */
const READERS_MAX = 100;
const FRESH_MS = 5_000;
const PAGE = 1_000;

interface Index {
  readonly readAtMs: number;
  readonly byLead: ReadonlyMap<string, readonly NumberedReader[]>;
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

export const createReaderIndex = (store: Pick<PrefixConfigStore, 'list' | 'histories'>, clock: Clock): ReaderIndex => {
  let index: Index | undefined;
  let reading: Promise<Index> | undefined;

  const build = async (): Promise<Index> => {
    const readAtMs = clock.now();
    const byLead = new Map<string, NumberedReader[]>();
    let [after, seen, leadLengthMax, isOver] = ['', 0, 0, false];
    while (!isOver && seen < CONFIGS_MAX) {
      const page = await store.list(after, PAGE);
      const histories = await store.histories(page.map(({ prefixKey }) => prefixKey));
      for (const [index, { prefixKey, stored }] of page.entries()) {
        after = prefixKey;
        if (stored.kind !== 'config') continue;
        for (const reader of readersOf(stored.config, histories[index])) {
          const lead = leadOf(reader.config);
          leadLengthMax = Math.max(leadLengthMax, lead.length);
          const sharing = byLead.get(lead);
          if (sharing === undefined) byLead.set(lead, [reader]);
          else sharing.push(reader);
        }
      }
      seen += page.length;
      isOver = page.length < PAGE;
    }
    index = { readAtMs, byLead, leadLengthMax, complete: isOver };
    return index;
  };

  /** Requests at the same time share one read of the store. */
  const current = async (): Promise<Index> => {
    const ageMs = index === undefined ? Number.POSITIVE_INFINITY : clock.now() - index.readAtMs;
    if (index !== undefined && ageMs >= 0 && ageMs < FRESH_MS) return index;
    reading ??= build().finally(() => {
      reading = undefined;
    });
    return reading;
  };

  return {
    candidates: async (number, visible) => {
      const { byLead, leadLengthMax, complete } = await current();
      const readers: NumberedReader[] = [];
      for (let length = Math.min(number.length, leadLengthMax); length >= 0; length -= 1) {
        const sharing = byLead.get(number.slice(0, length)) ?? [];
        // Before the cut: entries the caller may not see must not push out those they may.
        readers.push(...sharing.filter(({ config }) => visible(config.prefixKey)));
      }
      const tried = readers.slice(0, READERS_MAX);
      return { readers: tried, complete: complete && tried.length === readers.length };
    },
  };
};
