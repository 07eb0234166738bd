/** docs/configuration.md has every setting; the README names the few that matter first. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SETTING_NAMES, settingVariables } from '../../../src/config/settings.ts';
import { SETTING_GROUPS } from '../../support/reference/settings.ts';

const README = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
const [, section = ''] = /^## Settings$(.*?)^## /ms.exec(README) ?? [];
const README_ROWS_MAX = 7;

test('every setting stands in one group of the reference, and nothing else does', () => {
  expect(Object.values(SETTING_GROUPS).flat().toSorted()).toEqual(SETTING_NAMES.toSorted());
});

test('every setting is explained', () => {
  const words = Object.entries(settingVariables.shape).map(([name, schema]) => ({
    name,
    words: (schema.description ?? '').split(' ').length,
  }));
  expect(words.filter(({ words: count }) => count < 3)).toEqual([]);
});

test('the README names seven settings at most, each of which exists, and where the others are', () => {
  const names = [...section.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name = '']) => name);
  expect(names.length).toBeGreaterThan(0);
  expect(names.length).toBeLessThanOrEqual(README_ROWS_MAX);
  expect(names.filter((name) => !SETTING_NAMES.includes(name))).toEqual([]);
  expect(section).toContain('](docs/configuration.md)');
});
