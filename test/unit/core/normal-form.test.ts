/** Formats that were stored before formats were normalised: they print what they printed, and what they printed is read. */
import { expect, test } from 'vitest';
import { collisionOf } from '../../../src/core/collision/collision.ts';
import { languageOf } from '../../../src/core/collision/format-language.ts';
import { compileReader, spellingsOf } from '../../../src/core/prefix-config/number-reader.ts';
import { prefixConfigInputSchema } from '../../../src/core/prefix-config/prefix-config-rules.ts';
import { decodeStoredConfig } from '../../../src/core/prefix-config/stored-config.ts';
import { compileTemplate } from '../../../src/core/template/printer.ts';
import { parseTemplate } from '../../../src/core/template/template.ts';

const stored = (format: string) => {
  const found = decodeStoredConfig('OLD', JSON.stringify({ prefix_key: 'OLD', format }));
  if (found.kind !== 'config') throw new Error(found.reason);
  return found.config;
};

test('a stored format in another spelling stays as it is, and its numbers are read in both', () => {
  const config = stored('cafe\u0301-{SEQ:4}');
  const number = compileTemplate(parseTemplate(config.format), config)(0)()(1n);
  expect(number).toBe('cafe\u0301-0001');
  const read = compileReader(config);
  for (const text of [number, 'caf\u00e9-0001', `${number}\n`]) {
    expect(spellingsOf(text).map(read).find(Boolean)?.value).toBe(1n);
  }
});

test('two formats that differ in their spelling only could print the same number', () => {
  const [one, other] = ['caf\u00e9-{SEQ:4}', 'cafe\u0301-{SEQ:4}'].map((format, index) =>
    languageOf({
      ...{ prefixKey: `P${index}`, format, strategy: 'counter', reset: 'never', timeZone: 'UTC' },
      ...{ fiscalYearStart: '01-01', first: 1n, last: 9_999n, isDated: true },
    }),
  );
  expect(one && other && collisionOf(one, other)).toMatchObject({ text: 'caf\u00e9-0001' });
});

test('a registered format is in NFC, and no mark stands directly behind a tag', () => {
  expect(prefixConfigInputSchema.parse({ format: 'cafe\u0301-{SEQ:4}' }).format).toBe('caf\u00e9-{SEQ:4}');
  expect(prefixConfigInputSchema.safeParse({ format: '{prefix}\u0301{SEQ:4}' }).success).toBe(false);
  expect(decodeStoredConfig('OLD', '{"format":"{prefix}\u0301{SEQ:4}"}').kind).toBe('config');
});
