/** The table `s`, which the parts of `reserve.lua` share, is declared there: each field, and who writes it. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';

const LUA = join(import.meta.dirname, '../../../../../src/stores/redis/lua');
const MAIN = readFileSync(join(LUA, 'reserve.lua'), 'utf8');

/** A part, and its code without comments. */
interface Part {
  readonly name: string;
  readonly code: string;
}

const withoutComments = (text: string): string => text.replaceAll(/--\[\[[\s\S]*?--\]\]|--.*$/gm, '');

const PARTS: readonly Part[] = globSync('reserve/*.lua', { cwd: LUA }).map((path) => ({
  name: basename(path, '.lua'),
  code: withoutComments(readFileSync(join(LUA, path), 'utf8')),
}));

const BLOCK = /--\[\[\nOne entry with its state: `s`.*\n[\s\S]*?--\]\]\n/;
const FIELD = /^ {2}(\w+) +(-|[a-z]+(?:, [a-z]+)*)(?: |$)/gm;

/** Field → the parts that write it, in the order of the alphabet. */
type Writers = Readonly<Record<string, readonly string[]>>;

const declaredIn = (main: string): Writers => {
  const [block = ''] = BLOCK.exec(main) ?? [];
  const rows = [...block.matchAll(FIELD)].map(
    ([, name = '', writers = '']) => [name, writers === '-' ? [] : writers.split(', ')] as const,
  );
  const names = rows.map(([name]) => name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  return Object.fromEntries(rows);
};

/** What stands left of a `=`, several with commas between. */
const ASSIGNED = /((?:[\w.]+, )*[\w.]+) = /g;

const fieldsIn = (code: string): string[] => [...code.matchAll(/\bs\.(\w+)/g)].map(([, field = '']) => field);

const usedIn = (parts: readonly Part[]): Writers => {
  const writersOf = new Map<string, Set<string>>();
  for (const { code } of parts) for (const field of fieldsIn(code)) writersOf.set(field, new Set());
  for (const { name, code } of parts) {
    for (const [left] of code.matchAll(ASSIGNED)) for (const field of fieldsIn(left)) writersOf.get(field)?.add(name);
  }
  return Object.fromEntries([...writersOf].map(([field, writers]) => [field, [...writers].sort()]));
};

/** The fields that are only written. */
const neverRead = (parts: readonly Part[]): string[] => {
  const code = parts.map((part) => part.code).join('\n');
  const read = code.replaceAll(ASSIGNED, '');
  return Object.keys(usedIn(parts)).filter((field) => !new RegExp(`\\bs\\.${field}\\b`).test(read));
};

test('each field of s is declared with those who write it, and each that is declared is used', () => {
  const declared = declaredIn(MAIN);
  expect(Object.keys(declared).length).toBeGreaterThan(30);
  expect(usedIn(PARTS)).toEqual(declared);
});

test('no field is written and never read', () => {
  expect(neverRead(PARTS)).toEqual([]);
});

test('serve fills in fields that are declared, and no part has s under another name or an index', () => {
  const [, made = ''] = /return plan\(\{([\s\S]*?)\}, state\)/.exec(MAIN) ?? [];
  const given = [...made.matchAll(/(\w+) = /g)].map(([, name = '']) => name);
  expect(given.length).toBeGreaterThan(20);
  const declared = declaredIn(MAIN);
  expect(Object.keys(declared)).toEqual(expect.arrayContaining(given));
  // Somebody must.
  expect(given).toEqual(expect.arrayContaining(Object.keys(declared).filter((name) => declared[name]?.length === 0)));
  for (const { code } of PARTS) expect(code.match(/\bs\[|= s\b(?!\.)/g)).toBeNull();
});

describe('the check', () => {
  const part = (code: string): Part => ({ name: 'take', code });

  test.each([
    ['reads a field', 'if s.value then jump(s) end', { value: [] }],
    ['writes one', 's.value = 1', { value: ['take'] }],
    ['writes several', 's.first, s.last = 1, s.value', { first: ['take'], last: ['take'], value: [] }],
    ['compares', 'return s.value == 1', { value: [] }],
    ['fills a list', 's.list[#s.list + 1] = 1', { list: [] }],
  ])('sees that a part %s', (_what, code, expected) => {
    expect(usedIn([part(code)])).toEqual(expected);
  });

  test('sees a field that is only written', () => {
    expect(neverRead([part('s.one, s.two = 1, 2\nreturn s.two')])).toEqual(['one']);
  });
});
