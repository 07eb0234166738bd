/**
 * Finds which of many prefixes could print a number of a given one: selected by what their numbers begin with, then
 * compared.
 */

import { parseTemplate } from '../template/template.ts';
import { type Collision, collisionOf } from './collision.ts';
import { languageOf, type PrintedNumbering } from './format-language.ts';

/** The first that could print the same; `undecided`: the comparison was given up; `many`: there were too many to compare. */
export type Meeting =
  | { readonly kind: 'meets'; readonly other: PrintedNumbering; readonly collision: Collision }
  | { readonly kind: 'undecided'; readonly other: PrintedNumbering }
  | { readonly kind: 'many'; readonly count: number };

export interface CollisionIndex {
  /** Replaces what is known of a prefix by all that it prints and has printed; an empty list removes it. */
  put(prefixKey: string, numberings: readonly PrintedNumbering[]): void;
  /**
   * Compares a numbering with those of all other prefixes, or of those that are `compared`.
   * @returns undefined when none could print a number of it.
   */
  find(numbering: PrintedNumbering, compared?: (prefixKey: string) => boolean): Meeting | undefined;
}

/** Numberings that are compared with one. */
const COMPARISONS_MAX = 1_000;
/** Steps of all comparisons with one numbering together; see `collisionOf`. */
const STEPS_MAX = 200_000;

/** What all numbers of a numbering begin with: literals and the prefix key, up to the first part that changes. */
const headOf = ({ format, prefixKey }: PrintedNumbering): string => {
  let head = '';
  for (const part of parseTemplate(format.normalize('NFC')).head) {
    if ('text' in part) head += part.text;
    else if ('variable' in part && part.variable === 'prefix') head += prefixKey;
    else break;
  }
  return head;
};

/** Where in a sorted list a text stands, or would stand. */
const placeOf = (sorted: readonly string[], text: string): number => {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as string) < text) low = middle + 1;
    else high = middle;
  }
  return low;
};

export const createCollisionIndex = (): CollisionIndex => {
  const byHead = new Map<string, Set<PrintedNumbering>>();
  const byPrefix = new Map<string, readonly PrintedNumbering[]>();
  let sorted: string[] | undefined;

  const forget = (numbering: PrintedNumbering): void => {
    const head = headOf(numbering);
    const sharing = byHead.get(head) as Set<PrintedNumbering>;
    sharing.delete(numbering);
    if (sharing.size > 0) return;
    byHead.delete(head);
    sorted?.splice(placeOf(sorted, head), 1);
  };

  const add = (numbering: PrintedNumbering): void => {
    const head = headOf(numbering);
    const sharing = byHead.get(head);
    if (sharing !== undefined) {
      sharing.add(numbering);
      return;
    }
    byHead.set(head, new Set([numbering]));
    // One more is put in its place; many are sorted once, when they are asked for.
    sorted?.splice(placeOf(sorted, head), 0, head);
  };

  /** Those whose numbers can begin alike: one head begins with the other. */
  function* near(head: string): Generator<PrintedNumbering> {
    for (let length = 0; length < head.length; length += 1) yield* byHead.get(head.slice(0, length)) ?? [];
    sorted ??= [...byHead.keys()].sort();
    for (let at = placeOf(sorted, head); sorted[at]?.startsWith(head); at += 1) {
      yield* byHead.get(sorted[at] as string) as Set<PrintedNumbering>;
    }
  }

  return {
    put: (prefixKey, numberings) => {
      const known = byPrefix.get(prefixKey) ?? [];
      if (numberings.length === 0) byPrefix.delete(prefixKey);
      else byPrefix.set(prefixKey, numberings);
      for (const numbering of numberings) add(numbering);
      // After the new ones: most begin as the old ones did.
      for (const numbering of known) forget(numbering);
    },

    find: (numbering, compared) => {
      const language = languageOf(numbering);
      const budget = { left: STEPS_MAX };
      let count = 0;
      let undecided: Meeting | undefined;
      for (const other of near(headOf(numbering))) {
        if (other.prefixKey === numbering.prefixKey || compared?.(other.prefixKey) === false) continue;
        count += 1;
        if (count > COMPARISONS_MAX) return { kind: 'many', count };
        const collision = collisionOf(language, languageOf(other), budget);
        if (collision === 'undecided') undecided ??= { kind: 'undecided', other };
        else if (collision !== undefined) return { kind: 'meets', other, collision };
      }
      return undecided;
    },
  };
};
