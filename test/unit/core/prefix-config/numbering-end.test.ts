/** Where a collision rule ended, as it is stored: only what is not usual, and all of that. */
import { expect, test } from 'vitest';
import { STRATEGIES } from '../../../../src/core/prefix-config/numbering.ts';
import {
  encodeNumberingEnd,
  hasMarks,
  numberingEndSchema,
} from '../../../../src/core/prefix-config/numbering-times.ts';

const NONE = { ahead: [], free: [], open: [] };

test('an end says what is not usual, and is read back', () => {
  const [ahead, free, open] = [1n, 3n, 5n].map((first) => [{ first, last: first + 1n }]);
  const whole = { period: '2026', value: 9n, ahead: ahead ?? [], free: free ?? [], open: open ?? [] };
  const end = { period: '2026', past: true, since: '2025', marks: [whole] };
  const written = JSON.stringify(encodeNumberingEnd(end));
  expect(JSON.parse(written)).toEqual({
    ...{ period: '2026', past: true, since: '2025' },
    marks: [{ period: '2026', value: '9', ahead: [['1', '2']], free: [['3', '4']], open: [['5', '6']] }],
  });
  expect(numberingEndSchema.parse(JSON.parse(written))).toEqual(end);
  const plain = { period: '', past: false, marks: [{ period: '', value: 9n, ...NONE }] };
  expect(encodeNumberingEnd(plain)).toStrictEqual({ period: '', marks: [{ period: '', value: '9' }] });
});

test('counters leave marks, and nothing else does', () => {
  expect(STRATEGIES.filter((strategy) => hasMarks({ strategy }))).toEqual(['counter', 'segment']);
});
