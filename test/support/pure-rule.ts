/**
 * What decides in an allocator does not act: no promise, timer or clock stands in its file. The time comes to it as a
 * number, and what it decides goes to a shell.
 */
import { parseSync } from 'oxc-parser';
import type { SourceFile } from './import-rule.ts';

/** The machine of the counter, and the records and functions of the other strategies. */
const PURE = new RegExp(
  `^src/allocators/(?:${[
    'counter/machine/.*',
    'gapless/(?:waiting-line|mark-book|take-outcome|latest-standings)',
    'segment/segment-(?:leases|queue|size)',
    'snowflake/(?:held-worker|next-ids)',
  ].join('|')})\\.ts$`,
);

const ACTING = ['Promise', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'performance', 'Date'];

/** What in a syntax tree acts, by name. */
const findActs = (value: unknown): string[] => {
  if (Array.isArray(value)) return value.flatMap(findActs);
  if (typeof value !== 'object' || value === null) return [];
  const { type, name, async } = value as { type?: unknown; name?: unknown; async?: unknown };
  const isActing = type === 'Identifier' && ACTING.includes(String(name));
  const own = isActing ? [String(name)] : async === true ? ['async'] : [];
  return [...own, ...Object.values(value).flatMap(findActs)];
};

export const isPure = (path: string): boolean => PURE.test(path);

/** Every act in a file that only decides, as `path: what it is`. */
export const findActing = (files: readonly SourceFile[]): string[] =>
  files
    .filter(({ path }) => isPure(path))
    .flatMap(({ path, text }) => findActs(parseSync(path, text).program).map((act) => `${path}: ${act}`));
