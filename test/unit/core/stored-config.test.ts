/** Stored prefix configs: what is written is read back exactly, operators may write by hand, and nothing corrupt throws. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { replaceEntry } from '../../../src/core/prefix-config/entry-changes.ts';
import type { PrefixConfig } from '../../../src/core/prefix-config/prefix-config.ts';
import { decodeStoredConfig, encodeStoredConfig } from '../../../src/core/prefix-config/stored-config.ts';
import { VALUE_MAX } from '../../../src/core/values/value.ts';
import { propertyRuns } from '../../support/property-runs.ts';
import { configOf } from '../fakes/config-of.ts';

const reasonOf = (json: string): string => {
  const stored = decodeStoredConfig('TEST', json);
  return stored.kind === 'corrupt' ? stored.reason : 'not corrupt';
};

describe('a written config', () => {
  const config = fc
    .record({
      prefixKey: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,20}$/),
      seqLength: fc.integer({ min: 1, max: 20 }),
      initialSeq: fc.bigInt(0n, VALUE_MAX - 1n),
      outage: fc.constantFrom('standby', 'temporary', 'reject'),
      timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kathmandu'),
      fiscalYearStart: fc.constantFrom('01-01', '04-01', '12-31'),
      text: fc.constantFrom('', 'INV-', 'Größe ', '发票', '𐐷'),
      allowPast: fc.boolean(),
      insists: fc.boolean(),
      version: fc.integer({ min: 1, max: 1_000_000 }),
    })
    .map(
      ({ text, seqLength, insists, ...rest }): PrefixConfig => ({
        ...rest,
        ...(insists && { allowCollision: true }),
        seqLength,
        format: `${text}{SEQ:${seqLength}}`,
        strategy: 'counter',
        reset: 'never',
        overflow: 'extend',
      }),
    );

  test('is read back exactly, whatever it is', () => {
    fc.assert(
      fc.property(config, (one) => {
        expect(decodeStoredConfig(one.prefixKey, encodeStoredConfig(one))).toEqual({ kind: 'config', config: one });
      }),
    );
  });

  test('keeps overflow: reject', () => {
    const one = configOf('INV', { format: '{SEQ:4}', overflow: 'reject' });
    expect(decodeStoredConfig('INV', encodeStoredConfig(one))).toEqual({ kind: 'config', config: one });
  });

  test('has the names and spellings that operators know', () => {
    const one = configOf('INV', { format: 'INV-{SEQ:20}', initialSeq: '18446744073709551614' }, 3);
    expect(JSON.parse(encodeStoredConfig(one))).toEqual({
      prefix_key: 'INV',
      format: 'INV-{SEQ:20}',
      initial_seq: '18446744073709551614',
      version: 3,
    });
  });

  test('says only what differs from the default, so that earlier versions can read it', () => {
    const one = configOf('INV', {
      ...{
        format: 'INV-{year}-{SEQ:4}',
        initialSeq: 7,
        reset: 'yearly',
        timeZone: 'Asia/Tokyo',
        fiscalYearStart: '04-01',
      },
      ...{ overflow: 'reject', outage: 'temporary', allowPast: true },
    });
    expect(JSON.parse(encodeStoredConfig(one))).toEqual({
      ...{
        prefix_key: 'INV',
        format: 'INV-{year}-{SEQ:4}',
        initial_seq: '7',
        reset: 'yearly',
        time_zone: 'Asia/Tokyo',
      },
      ...{ fiscal_year_start: '04-01', overflow: 'reject', outage: 'temporary', allow_past: true, version: 1 },
    });
    expect(JSON.parse(encodeStoredConfig(configOf('INV', { format: '{SEQ:4}' })))).toEqual({
      ...{ prefix_key: 'INV', format: '{SEQ:4}', version: 1 },
    });
  });
});

test('a strategy that is not the usual one is written, and read back', () => {
  const one = configOf('INV', { format: '{SEQ:4}', strategy: 'segment' });
  expect(JSON.parse(encodeStoredConfig(one))).toMatchObject({ strategy: 'segment' });
  expect(decodeStoredConfig('INV', encodeStoredConfig(one))).toEqual({ kind: 'config', config: one });
});

test('former collision rules are written when there are some, and an empty list is not', () => {
  const one = configOf('INV', { format: '{SEQ:4}' });
  expect(encodeStoredConfig({ ...one, former: [] })).toBe(encodeStoredConfig(one));
  const former = [{ format: 'A{SEQ:4}', strategy: 'counter', reset: 'never' } as const];
  expect(JSON.parse(encodeStoredConfig({ ...one, former }))).toMatchObject({ former });
  const stored = decodeStoredConfig('INV', encodeStoredConfig(one));
  expect(stored.kind === 'config' && Object.keys(stored.config)).not.toContain('former');
});

describe('the version of an entry that cannot be read', () => {
  const read = (entry: object) => decodeStoredConfig('TEST', JSON.stringify({ format: '{SEQ:4}', ...entry }));
  const known = 'is not known to this version, only counter, gapless, segment, snowflake, uuidv7; a later one has it';

  test('is kept when a later version wrote it, with what this one does not know, in the former rules too', () => {
    expect(read({ strategy: 'quantum', version: 3 })).toMatchObject({ kind: 'corrupt', version: 3 });
    const former = [null, { format: '{SEQ:4}', strategy: 'quantum', reset: 'never' }];
    const found = read({ strategy: 'quantum', outage: 'ask', version: 3, former });
    expect(found).toMatchObject({
      version: 3,
      reason: expect.stringMatching(
        /^strategy: quantum .+; outage: ask .+ standby, temporary, reject; .+; strategy: quantum /,
      ),
    });
    expect(found).toMatchObject({ reason: expect.stringContaining(known) });
  });

  test.each([undefined, 0, -1, 1.5, '3', null])('is not kept when it is %j', (version) => {
    const stored = read({ strategy: 'quantum', version });
    expect(stored).toMatchObject({ kind: 'corrupt' });
    expect(stored).not.toHaveProperty('version');
  });

  test.each([
    { initial_seq: -1 },
    { strategy: 7 },
    { strategy: 'Quantum' },
    { strategy: 'a b' },
    { strategy: 'x'.repeat(65) },
  ])('is not kept when no later version can have written %j', (fields) => {
    const stored = read({ ...fields, version: 3 });
    expect(stored).toMatchObject({ kind: 'corrupt' });
    expect(stored).not.toHaveProperty('version');
  });
});

describe("an operator's preloaded entry", () => {
  test('needs nothing but a format', () => {
    expect(decodeStoredConfig('TEST', '{"format":"TEST-{SEQ:4}"}')).toEqual({
      kind: 'config',
      config: configOf('TEST', { format: 'TEST-{SEQ:4}' }, 1),
    });
  });

  test.each([
    ['snake_case', '{"prefix_key":"TEST","format":"{SEQ:4}","seq_length":4,"initial_seq":7,"time_zone":"Asia/Tokyo"}'],
    ['camelCase', '{"format":"{SEQ:4}","seqLength":4,"initialSeq":"7","timeZone":"Asia/Tokyo","version":1}'],
    ['white space', ' {\n"format" : "{SEQ:4}",\t"initial_seq": 7, "time_zone": "Asia/Tokyo" } '],
  ])('may be written with %s', (_what, json) => {
    expect(decodeStoredConfig('TEST', json)).toEqual({
      kind: 'config',
      config: configOf('TEST', { format: '{SEQ:4}', initialSeq: 7, timeZone: 'Asia/Tokyo' }),
    });
  });
});

describe('an entry of a later version', () => {
  const later = (more: object): string => JSON.stringify({ format: '{SEQ:4}', version: 3, ...more });

  test('is read without the fields that are not known here, which are written back as they are', () => {
    const former = [{ format: 'A{SEQ:4}', strategy: 'counter', reset: 'never', until: 'yesterday' }];
    const stored = decodeStoredConfig('TEST', later({ colour: 'red', sites: { ids: [1, null] }, former }));
    const unknown = { colour: 'red', sites: { ids: [1, null] } };
    expect(stored).toEqual({
      kind: 'config',
      config: { ...configOf('TEST', { format: '{SEQ:4}' }, 3), former, unknown },
    });
    if (stored.kind !== 'config') return;
    expect(JSON.parse(encodeStoredConfig(stored.config))).toEqual({
      ...{ prefix_key: 'TEST', format: '{SEQ:4}', version: 3, former, ...unknown },
    });
  });

  test('cannot put a field of its own in the place of one that is known here', () => {
    const json = '{"format":"{SEQ:4}","__proto__":{"version":9},"constructor":1,"toString":2}';
    expect(decodeStoredConfig('TEST', json)).toMatchObject({ kind: 'config', config: { version: 1, initialSeq: 0n } });
  });

  test.each([
    ['strategy', later({ strategy: 'tickets' })],
    ['reset', later({ reset: 'weekly', strategy: 'counter' })],
    ['overflow', later({ overflow: 'wrap' })],
    ['outage', later({ outage: 'queue' })],
    ['strategy', later({ former: [{ format: '{SEQ:4}', strategy: 'tickets', reset: 'never' }] })],
  ])('with a %s that is not known here is refused by name, and not to be written over', (path, json) => {
    const stored = decodeStoredConfig('TEST', json);
    expect(stored).toMatchObject({ kind: 'corrupt', version: 3 });
    expect(stored.kind === 'corrupt' && stored.reason).toMatch(
      new RegExp(`^${path}: [a-z]+ is not known to this version, only .*; a later one has it, or it is misspelt$`),
    );
    expect(replaceEntry({ stored, history: undefined }, configOf('TEST', { format: '{SEQ:4}' }), 'any')).toEqual({
      outcome: { kind: 'conflict' },
    });
  });
});

describe('a corrupt entry is reported with its reason', () => {
  test.each(['', '{', 'TEST-{SEQ:4}', "{'format':'{SEQ:4}'}", '{"format":"{SEQ:4}"', '\0', 'undefined', 'NaN'])(
    '%j is not JSON',
    (json) => {
      expect(reasonOf(json)).toBe('Not valid JSON');
    },
  );

  test.each(['null', '[]', '7', '"text"', 'true'])('%s is not an object', (json) => {
    expect(reasonOf(json)).toMatch(/^entry: .*expected object/);
  });

  test.each([
    ['format', '{}'],
    ['format', '{"format":null}'],
    ['seq_length', '{"format":"{SEQ:4}","seq_length":5}'],
    ['seq_length', '{"format":"{SEQ:4}","seq_length":"4"}'],
    ['initial_seq', '{"format":"{SEQ:4}","initial_seq":-1}'],
    ['initial_seq', '{"format":"{SEQ:4}","initial_seq":9007199254740993}'],
    ['initial_seq', '{"format":"{SEQ:4}","initial_seq":"18446744073709551615"}'],
    ['initial_seq', '{"format":"{SEQ:4}","initial_seq":1,"initialSeq":2}'],
    ['strategy', '{"format":"{SEQ:4}","strategy":"guess"}'],
    ['time_zone', '{"format":"{SEQ:4}","time_zone":"Mars/Phobos"}'],
    ['version', '{"format":"{SEQ:4}","version":0}'],
    ['version', '{"format":"{SEQ:4}","version":"1"}'],
    ['prefix_key', '{"format":"{SEQ:4}","prefix_key":"OTHER"}'],
    ['prefix_key', '{"format":"{SEQ:4}","prefix_key":7}'],
  ])('at %s: %s', (path, json) => {
    expect(reasonOf(json)).toMatch(new RegExp(`^${path}: `));
  });

  test('the name it is stored under is no prefix key', () => {
    expect(decodeStoredConfig('a b', '{"format":"{SEQ:4}"}')).toEqual({ kind: 'corrupt', reason: 'Not a prefix key' });
  });

  test('a format that is no template is corrupt too', () => {
    expect(reasonOf('{"format":"TEST-{SEQ}"}')).toContain('{SEQ:N}');
    expect(reasonOf('{"format":"TEST"}')).toContain('{SEQ:N}');
    expect(reasonOf('{"format":"{SEQ:0}"}')).toContain('1 to 20');
  });

  test('nothing that can be stored makes the reading throw', () => {
    const json = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.json().map((text) => `{"format":${text}}`),
    );
    fc.assert(
      fc.property(json, (text) => {
        expect(['config', 'corrupt']).toContain(decodeStoredConfig('TEST', text).kind);
      }),
      { numRuns: propertyRuns(1_000) },
    );
  });
});
