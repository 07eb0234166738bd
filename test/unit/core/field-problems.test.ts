/** Callers see one path and one sentence per problem, whatever zod found. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { fieldProblemsOf } from '../../../src/core/field-problems.ts';

const problemsOf = (schema: z.ZodType, data: unknown, root = 'body') =>
  fieldProblemsOf(schema.safeParse(data).error?.issues ?? [], root);

const order = z.strictObject({
  name: z.string(),
  size: z.int('A whole number').optional(),
  lines: z.array(z.strictObject({ count: z.int('A whole number') })).optional(),
});

describe('field problems', () => {
  test('a missing field is called missing, without talk of types', () => {
    expect(problemsOf(order, {})).toEqual([{ path: 'name', message: 'Required, but missing' }]);
  });

  test('a field of the wrong type keeps the message that names the type', () => {
    expect(problemsOf(order, { name: 7 })).toEqual([
      { path: 'name', message: 'Invalid input: expected string, received number' },
    ]);
  });

  test('a rule written in the schema is passed on as it is', () => {
    expect(problemsOf(order, { name: 'a', size: 1.5 })).toEqual([{ path: 'size', message: 'A whole number' }]);
    const message = 'The parcel was received undefined';
    expect(
      problemsOf(
        z.string().refine(() => false, message),
        'a',
      ),
    ).toEqual([{ path: 'body', message }]);
  });

  test('every unknown field has an entry of its own', () => {
    expect(problemsOf(order, { name: 'a', colour: 1, 'weight.kg': 2 })).toEqual([
      { path: 'colour', message: 'Unknown field' },
      { path: 'weight.kg', message: 'Unknown field' },
    ]);
  });

  test('fields deep inside are named by their whole path', () => {
    expect(problemsOf(order, { name: 'a', lines: [{ count: 1 }, { count: 'x', extra: true }] })).toEqual([
      { path: 'lines.1.count', message: 'A whole number' },
      { path: 'lines.1.extra', message: 'Unknown field' },
    ]);
  });

  test('a problem of the value itself is named after the root', () => {
    expect(problemsOf(order, 'text')).toEqual([
      { path: 'body', message: 'Invalid input: expected object, received string' },
    ]);
    expect(problemsOf(order, undefined, 'query')).toEqual([{ path: 'query', message: 'Required, but missing' }]);
  });

  test('no issues are no problems', () => {
    expect(fieldProblemsOf([], 'body')).toEqual([]);
  });
});
