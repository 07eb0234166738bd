/** However many series there are, few are compared with one, or as many as there is time for. */
import { expect, test } from 'vitest';
import { createCollisionIndex } from '../../../../src/core/collision/collision-index.ts';
import { printedBy } from '../../../../src/core/collision/format-language.ts';
import { configOf } from '../../fakes/config-of.ts';

const printed = (prefixKey: string, format: string) => printedBy(configOf(prefixKey, { format }));

test('of 100,000 numberings with heads few are compared; without one, no more than 1,000', () => {
  const index = createCollisionIndex();
  for (let at = 0; at < 100_000; at += 1) index.put(`K${at}`, [printed(`K${at}`, '{prefix}-{year}-{SEQ:6}')]);
  expect(index.find(printed('NEW', '{prefix}-{year}-{SEQ:6}'))).toBeUndefined();
  expect(index.find(printed('NEW', 'K77-2026-{SEQ:6}'))).toMatchObject({ kind: 'meets', other: { prefixKey: 'K77' } });
  expect(index.find(printed('NEW', '{day}/{SEQ:6}'))).toEqual({ kind: 'many', count: 1_001 });
});
