/** Verified tokens: never beyond their expiry, never for long, never too many. */
import { describe, expect, test } from 'vitest';
import { createVerifiedTokens } from '../../../src/access/verified-tokens.ts';

const NOW_MS = 1_800_000_000_000;

describe('verified tokens', () => {
  test('a token is found as long as it is valid, and not at the instant it expires', () => {
    const tokens = createVerifiedTokens<string>();
    tokens.keep('t', 'alice', NOW_MS + 5_000, NOW_MS);
    expect(tokens.find('t', NOW_MS + 4_999)).toBe('alice');
    expect(tokens.find('t', NOW_MS + 5_000)).toBeUndefined();
    expect(tokens.find('t', NOW_MS), 'what expired is gone, whatever the clock says').toBeUndefined();
  });

  test('a token without an expiry is verified again after a minute', () => {
    const tokens = createVerifiedTokens<string>();
    tokens.keep('t', 'alice', Number.POSITIVE_INFINITY, NOW_MS);
    expect(tokens.find('t', NOW_MS + 59_999)).toBe('alice');
    expect(tokens.find('t', NOW_MS + 60_000)).toBeUndefined();
  });

  test('at most 1,000 are kept: the one verified longest ago makes room', () => {
    const tokens = createVerifiedTokens<number>();
    for (let i = 0; i < 1_000; i += 1) tokens.keep(`t${i}`, i, NOW_MS + 1_000, NOW_MS);
    tokens.keep('t0', 0, NOW_MS + 1_000, NOW_MS);
    tokens.keep('new', -1, NOW_MS + 1_000, NOW_MS);
    expect(tokens.find('t1', NOW_MS)).toBeUndefined();
    expect(tokens.find('t0', NOW_MS)).toBe(0);
    expect(tokens.find('t2', NOW_MS)).toBe(2);
    expect(tokens.find('new', NOW_MS)).toBe(-1);
  });

  test('another token is another caller', () => {
    const tokens = createVerifiedTokens<string>();
    tokens.keep('t', 'alice', NOW_MS + 1_000, NOW_MS);
    expect(tokens.find('T', NOW_MS)).toBeUndefined();
  });
});
