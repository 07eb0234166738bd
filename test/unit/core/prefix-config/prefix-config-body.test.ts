/** What a change of a config leaves as it was, what it sets back, and what it says that holds already. */
import { describe, expect, test } from 'vitest';
import { ValidationError } from '../../../../src/core/errors.ts';
import { fieldProblemsOf } from '../../../../src/core/field-problems.ts';
import {
  patched,
  prefixConfigBodySchema,
  prefixConfigPatchSchema,
  resetBetween,
  saysAlready,
} from '../../../../src/core/prefix-config/prefix-config-body.ts';
import { configOf } from '../../fakes/config-of.ts';

const CONFIG = configOf('INV', { format: 'A-{year}-{SEQ:4}', initialSeq: '18446744073709551614', outage: 'reject' }, 3);
const patchOf = (body: object) => prefixConfigPatchSchema.parse(body).patch;
const change = (body: object) => patched(CONFIG, patchOf(body));
const problemsOf = (body: object) =>
  fieldProblemsOf(prefixConfigPatchSchema.safeParse(body).error?.issues ?? [], 'body');

describe('a patch', () => {
  const { prefixKey: _, version: _version, ...same } = CONFIG;

  test('changes what it names, and leaves the rest to the last digit', () => {
    expect(change({})).toEqual(same);
    expect(change({ reset: 'yearly' })).toEqual({ ...same, reset: 'yearly' });
    expect(change({ time_zone: 'Asia/Tokyo' })).toEqual({ ...same, timeZone: 'Asia/Tokyo' });
  });

  test('sets back to its default what it names with null', () => {
    expect(change({ outage: null })).toEqual({ ...same, outage: 'standby' });
    expect(change({ initial_seq: null })).toEqual({ ...same, initialSeq: 0n });
  });

  test('with a format takes the length from it, and for {SEQ} the length that there was', () => {
    expect(change({ format: 'B-{SEQ:7}' })).toEqual({ ...same, format: 'B-{SEQ:7}', seqLength: 7 });
    expect(change({ format: 'B-{SEQ}' })).toMatchObject({ format: 'B-{SEQ:4}', seqLength: 4 });
    expect(change({ format: 'B-{SEQ}', seqLength: 6 })).toMatchObject({ format: 'B-{SEQ:6}', seqLength: 6 });
  });

  test('is refused by the path of what does not fit', () => {
    expect(() => change({ seqLength: 5 })).toThrow(ValidationError);
    expect(() => change({ seqLength: 5 })).toThrow(/^seqLength: Differs/);
  });

  test('may not let the numbers of a stored format grow too long', () => {
    const long = configOf('INV', { format: `${'A'.repeat(245)}{SEQ:4}`, overflow: 'reject' });
    expect(patched(long, patchOf({ outage: 'reject' }))).toMatchObject({ outage: 'reject' });
    expect(() => patched(long, patchOf({ overflow: 'extend' }))).toThrow(/^format: Its numbers could have 265/);
  });

  test('leaves a stored format as it is, which a request could not write, and normalises a new one', () => {
    const [composed, decomposed] = ['B\u00e9', 'Be\u0301'];
    const stored = { ...CONFIG, seqLength: 4, overflow: 'extend' as const };
    const long = { ...stored, format: `${'A'.repeat(245)}{SEQ:4}` };
    expect(patched(long, patchOf({ outage: 'standby' }))).toMatchObject({ format: long.format, outage: 'standby' });
    const old = { ...stored, format: `${decomposed}-{SEQ:4}` };
    expect(patched(old, patchOf({ outage: 'standby' }))).toMatchObject({ format: old.format, outage: 'standby' });
    expect(change({ format: old.format })).toMatchObject({ format: `${composed}-{SEQ:4}` });
    expect(() => change({ format: long.format })).toThrow(/^format: Its numbers could have 265/);
  });

  test('names a field in both spellings alike, or is refused', () => {
    expect(problemsOf({ timeZone: null, time_zone: null })).toEqual([]);
    expect(problemsOf({ timeZone: 'UTC' })).toEqual([]);
    expect(problemsOf({ timeZone: null })).toEqual([]);
    expect(problemsOf({ time_zone: null })).toEqual([]);
    const message = 'Given as timeZone too, with another value';
    expect(problemsOf({ timeZone: 'UTC', time_zone: null })).toEqual([{ path: 'time_zone', message }]);
    expect(problemsOf({ timeZone: null, time_zone: 'UTC' })).toEqual([{ path: 'time_zone', message }]);
  });
});

describe('a body', () => {
  test('may be a whole reply: what it repeats is told apart from what it changes', () => {
    const body = { format: 'A-{SEQ:4}', time_zone: 'UTC', prefixKey: 'INV', version: 3 };
    const { said, given, input } = prefixConfigBodySchema.parse(body);
    expect(said).toEqual({ prefixKey: 'INV', prefix_key: undefined, version: 3 });
    expect([...given].toSorted()).toEqual(['format', 'timeZone']);
    expect(input).toMatchObject({ format: 'A-{SEQ:4}', seqLength: 4, timeZone: 'UTC' });
  });

  test('sets back the fields that it does not name, which the reply says', () => {
    const after = { ...CONFIG, outage: 'standby', initialSeq: 0n } as const;
    expect(resetBetween(CONFIG, after, new Set())).toEqual(['initialSeq', 'outage']);
    expect(resetBetween(CONFIG, after, new Set(['outage']))).toEqual(['initialSeq']);
    expect(resetBetween(CONFIG, CONFIG, new Set())).toEqual([]);
  });

  test('says what holds already only when all of it does', () => {
    expect(saysAlready(CONFIG, CONFIG)).toBe(true);
    expect(saysAlready(CONFIG, { ...CONFIG, outage: 'standby' })).toBe(false);
    expect(saysAlready(CONFIG, { ...CONFIG, format: 'B-{year}-{SEQ:4}' })).toBe(false);
  });
});
