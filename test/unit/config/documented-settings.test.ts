/** The table of settings in the README lists every variable that the service reads, and no other, with its default. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SETTING_NAMES } from '../../../src/config/settings.ts';

const README = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
const [, section = ''] = /^## Settings$(.*?)^## /ms.exec(README) ?? [];
const rows = [...section.matchAll(/^\| (`[A-Z].*?) \| (.*?) \| (.+) \|$/gm)].map(([, names = '', , meaning = '']) => ({
  names: [...names.matchAll(/`([A-Z_]+)`/g)].map(([, name = '']) => name),
  meaning,
}));

test('every setting stands in the table of the README once, and nothing else does', () => {
  expect(rows.flatMap(({ names }) => names).toSorted()).toEqual(SETTING_NAMES.toSorted());
});

test('every setting is explained', () => {
  for (const { names, meaning } of rows)
    expect({ names, words: meaning.split(' ').length > 2 }).toEqual({ names, words: true });
});
