/** A route whose schema would let unknown fields pass does not come to be registered. */
import { fastify } from 'fastify';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { isStrict, strictInputPlugin } from '../../../../src/http/plugins/strict-input.ts';

const loose = z.object({ a: z.string() });
const strict = z.strictObject({ a: z.string() });

describe('a schema is strict', () => {
  test.each([
    ['an object that names its fields', strict, true],
    ['one that is made into something else', strict.transform(({ a }) => a), true],
    ['one that may be left out, be null, or has a default', strict.nullish().default({ a: '' }), true],
    ['a list of them', z.array(strict), true],
    ['one of several', z.union([strict, z.string()]), true],
    ['a table of names that a rule bounds', z.strictObject({ t: z.record(z.string().regex(/^a/), z.string()) }), true],
    ['an object that drops what it does not name', loose, false],
    ['one that keeps it', z.looseObject({}), false],
    ['a strict one that has one of those inside', z.strictObject({ inner: z.array(loose).optional() }), false],
    ['anything at all', z.unknown(), false],
    ['one of several of which one is loose', z.union([strict, loose]), false],
  ])('when it is %s: %#', (_what, schema, expected) => {
    expect(isStrict(schema)).toBe(expected);
  });
});

describe('a new route', () => {
  test.each(['querystring', 'body'] as const)(
    'that forgets to be strict about its %s stops the start',
    async (part) => {
      const server = fastify();
      await server.register(strictInputPlugin);
      server.setValidatorCompiler(() => () => true);
      expect(() => server.post('/new', { schema: { [part]: loose } }, () => 'done')).toThrow(
        `The ${part} of POST /new takes fields it does not name: make its schema a strictObject`,
      );
      await server.close();
    },
  );

  test('that has no schema at all refuses every query parameter and body field', async () => {
    const server = fastify();
    await server.register(strictInputPlugin);
    server.post('/new', () => 'done');
    const statuses = async (url: string, payload?: object) =>
      (await server.inject({ method: 'POST', url, ...(payload && { payload }) })).body;
    expect(await statuses('/new')).toBe('done');
    expect(await statuses('/new?a=1')).toContain('a: Unknown field');
    expect(await statuses('/new', { b: 1 })).toContain('b: Unknown field');
    expect(await statuses('/new', [1])).toContain('body: This call takes no body');
    await server.close();
  });
});
