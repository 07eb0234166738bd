/** The known deviations of test/lives/deviations.ts stand in docs/development.md, and no others. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DEVIATIONS, placesOf } from '../lives/deviations.ts';

test('the table of known deviations in docs/development.md is that of the lives', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/development.md'), 'utf8');
  const [, table = ''] = /^\| finding \| rule \| stores \| when \|$\n^\| --- .*$\n((?:^\|.*\|$\n)*)/m.exec(text) ?? [];
  const rows = DEVIATIONS.map(
    (deviation) => `| ${deviation.finding} | ${deviation.rule} | ${placesOf(deviation)} | ${deviation.what} |`,
  );
  expect(table.trim().split('\n')).toEqual(rows);
});
