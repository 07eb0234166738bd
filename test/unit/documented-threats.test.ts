/** Each line of the threat table in docs/security.md names tests that are there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const [, section = ''] = /^## Threats$(.*?)^## /ms.exec(readFileSync(join(ROOT, 'docs/security.md'), 'utf8')) ?? [];
const rows = [...section.matchAll(/^\| (.+?) \| (.+) \| (.+?) \|$/gm)]
  .map(([, threat = '', , tests = '']) => ({ threat, tests }))
  .slice(2);

/** `file` "title", "title"; `file` …: what is left out of a title stands as …. */
const namesIn = (tests: string): { file: string; titles: string[] }[] =>
  [...tests.matchAll(/`([^`]+)`([^`]*)/g)].map(([, file = '', rest = '']) => ({
    file,
    titles: [...rest.matchAll(/"([^"]+)"/g)].map(([, title = '']) => title),
  }));

const locate = (file: string): string | undefined =>
  [join(ROOT, 'test', file), join(ROOT, file)].find((path) => existsSync(path));

test('the table has a row for each threat', () => {
  expect(rows.length).toBeGreaterThanOrEqual(25);
});

test.each(rows)('$threat', ({ tests }) => {
  const named = namesIn(tests);
  expect(named).not.toEqual([]);
  for (const { file, titles } of named) {
    const path = locate(file);
    expect({ file, isThere: path !== undefined }).toEqual({ file, isThere: true });
    const text = readFileSync(path ?? '', 'utf8');
    for (const title of titles) {
      for (const part of title.split('…').map((piece) => piece.trim())) expect(text).toContain(part);
    }
  }
});
