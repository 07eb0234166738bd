/** All that prefixes print and have printed, as this node knows it: read once, and then by what was changed. */
import { type CollisionIndex, createCollisionIndex, type Meeting } from '../../core/collision/collision-index.ts';
import { type PrintedNumbering, printedBefore, printedBy } from '../../core/collision/format-language.ts';
import { InvalidFormatError, InvalidLengthError } from '../../core/errors.ts';
import type { StoredConfig } from '../../core/prefix-config/prefix-config.ts';
import type { PrefixConfigStore } from '../../core/prefix-config/prefix-config-store.ts';
import { formerWithPresent, type PrefixHistory } from '../../core/prefix-config/prefix-history.ts';
import { parseTemplate } from '../../core/template/template.ts';
import { createTurns } from '../shared/turns.ts';

/** What a prefix prints by its present config. */
export interface PresentNumbering {
  readonly numbering: PrintedNumbering;
  readonly allowsCollision: boolean;
}

export interface PrintedPrefixes {
  /** Takes up what was changed. @returns the generation of the configs that it has come to, or a former one. @throws the store's errors. */
  refresh(): Promise<string>;
  /** The same, but all is read, also what was written by hand. */
  readAnew(): Promise<void>;
  /** Compares with what all other prefixes print and have printed; see `CollisionIndex`. */
  find(numbering: PrintedNumbering, compared?: (prefixKey: string) => boolean): Meeting | undefined;
  present(prefixKey: string): PresentNumbering | undefined;
  /** The keys of all that have a config. */
  presentKeys(): readonly string[];
  /** Says that a config was changed; undefined: any may have been. */
  note(prefixKey: string | undefined): void;
}

type Store = Pick<PrefixConfigStore, 'find' | 'histories' | 'keys' | 'changesSince'>;

/** Prefixes that are known, removed ones among them; more are not compared. */
const PREFIXES_MAX = 200_000;
/** Keys in a page: Redis names all of them for each. */
const PAGE = 50_000;
/** Prefixes that are taken up before requests have their turn again. */
const TRIP = 100;
/** Reported changes that are not taken up yet; beyond that, all is read again. */
const TOLD_MAX = 10_000;
/** Refreshments that wait for one another. */
const WAITING_MAX = 10_000;

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const termsOf = (one: PrintedNumbering): string =>
  [one.format, one.strategy, one.reset, one.timeZone, one.fiscalYearStart].join(' ');

/** A later version may have formats that this one does not know. */
const canBeRead = ({ format }: { readonly format: string }): boolean => {
  try {
    parseTemplate(format.normalize('NFC'));
    return true;
  } catch (error) {
    if (error instanceof InvalidFormatError || error instanceof InvalidLengthError) return false;
    throw error;
  }
};

interface Known {
  readonly index: CollisionIndex;
  readonly present: Map<string, PresentNumbering>;
}

const takeUp = (
  { index, present }: Known,
  prefixKey: string,
  stored: StoredConfig | undefined,
  history: PrefixHistory | undefined,
): void => {
  const now = stored?.kind === 'config' ? printedBy(stored.config) : undefined;
  // Its numbers are in use, though the prefix was removed.
  const former = formerWithPresent({ stored, history }).filter(canBeRead);
  const before = former.map((one) => printedBefore(prefixKey, one));
  const terms = now && termsOf(now);
  index.put(prefixKey, [...(now ? [now] : []), ...before.filter((one) => termsOf(one) !== terms)]);
  if (now === undefined) present.delete(prefixKey);
  else {
    const allowsCollision = stored?.kind === 'config' && stored.config.allowCollision === true;
    present.set(prefixKey, { numbering: now, allowsCollision });
  }
};

export const createPrintedPrefixes = (store: Store): PrintedPrefixes => {
  const nothing = (): Known => ({ index: createCollisionIndex(), present: new Map() });
  let known = nothing();
  let reached: string | undefined;
  /** Whether all is to be read, whatever was reached. */
  let isDoubtful = true;
  let told = new Set<string>();
  const inTurn = createTurns(WAITING_MAX, 'Too many changes of prefix configs wait.');

  const readSome = async (into: Known, prefixKeys: readonly string[]): Promise<void> => {
    for (let from = 0; from < prefixKeys.length; from += TRIP) {
      const some = prefixKeys.slice(from, from + TRIP);
      const [stored, histories] = await Promise.all([store.find(some), store.histories(some)]);
      for (const [at, prefixKey] of some.entries()) takeUp(into, prefixKey, stored[at], histories[at]);
      await nextTurn();
    }
  };

  const readAll = async (): Promise<Known> => {
    const all = nothing();
    let count = 0;
    for (let after = ''; count < PREFIXES_MAX; ) {
      const page = await store.keys(after, Math.min(PAGE, PREFIXES_MAX - count));
      await readSome(all, page);
      count += page.length;
      after = page.at(-1) ?? '';
      if (page.length < PAGE) break;
    }
    return all;
  };

  const refreshOnce = async (): Promise<string> => {
    // Before what it speaks of is read: what is changed in between is taken up twice rather than never.
    const { generation, prefixKeys } = await store.changesSince(reached);
    const heard = told;
    const readsAll = isDoubtful || prefixKeys === undefined;
    // Before reading: a change that is reported meanwhile belongs to the next refresh.
    told = new Set();
    isDoubtful = false;
    try {
      if (readsAll) known = await readAll();
      else await readSome(known, [...new Set([...prefixKeys, ...heard])]);
    } catch (error) {
      for (const prefixKey of heard) told.add(prefixKey);
      isDoubtful ||= readsAll;
      throw error;
    }
    reached = generation;
    return generation;
  };

  return {
    refresh: () => inTurn(refreshOnce),
    readAnew: () =>
      inTurn(async () => {
        isDoubtful = true;
        await refreshOnce();
      }),
    find: (numbering, compared) => known.index.find(numbering, compared),
    present: (prefixKey) => known.present.get(prefixKey),
    presentKeys: () => [...known.present.keys()],
    note: (prefixKey) => {
      if (prefixKey === undefined || told.size >= TOLD_MAX) isDoubtful = true;
      else told.add(prefixKey);
    },
  };
};
