/** Pages of a list: a limit within its bounds, and a cursor that only this list gives out. */
import { describe, expect, test } from 'vitest';
import { encodeCursor, pageQuery } from '../../../../src/http/schemas/page.ts';

const query = pageQuery(/^[A-Z]{1,5}$/);
const pathsOf = (given: object): unknown[] => query.safeParse(given).error?.issues.map(({ path }) => path[0]) ?? [];

describe('the limit', () => {
  test('is 100 when none is given, else a number from 1 to 1000', () => {
    expect(query.parse({})).toEqual({ limit: 100 });
    expect(['1', '1000', '0007'].map((limit) => query.parse({ limit }).limit)).toEqual([1, 1000, 7]);
  });

  test.each(['0', '1001', '-1', '1.5', '1e2', '', ' 1', '10000', 'ten', '٧'])('%j is none', (limit) => {
    expect(pathsOf({ limit })).toEqual(['limit']);
  });
});

describe('the cursor', () => {
  test('leads to the item it was made of', () => {
    const cursor = encodeCursor('INV') ?? '';
    expect(query.parse({ cursor }).cursor).toBe('INV');
    expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  test('is null after the last page', () => {
    expect(encodeCursor(undefined)).toBeNull();
  });

  test.each([
    ['what is no item of this list', encodeCursor('inv')],
    ['more than an item', encodeCursor('ABCDEF')],
    ['nothing', ''],
    ['no base64url', '!!!'],
    ['more than 256 characters', 'A'.repeat(257)],
  ])('of %s is refused', (_what, cursor) => {
    expect(pathsOf({ cursor })).toEqual(['cursor']);
  });
});

test('an unknown field of the query is refused', () => {
  expect(query.safeParse({ page: '2' }).error?.issues).toMatchObject([{ code: 'unrecognized_keys', keys: ['page'] }]);
});
