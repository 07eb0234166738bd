/** The laws of the house hold in src/, and the check that says so is not blind: every breach planted here is seen. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findBreaches, isPure, type SourceFile } from '../support/import-rule.ts';

const ROOT = join(import.meta.dirname, '../..');
const HEADER = '/** Says what it is for. */\n';

const source: SourceFile[] = globSync('src/**/*.{ts,lua,sql}', { cwd: ROOT }).map((path) => ({
  path,
  text: readFileSync(join(ROOT, path), 'utf8'),
}));

// What the planted imports point at.
const ROOMS = [
  ...['main', 'app', 'config/settings', 'core/range', 'core/value', 'allocators/coalescing-allocator'],
  ...['services/number-service', 'http/server', 'http/routes/numbers', 'telemetry/logger', 'lib/lifecycle'],
  'access/authorize',
  ...['stores/redis/redis-client', 'stores/sqlite/sqlite-database', 'stores/memory/memory-store'],
];

/** A sound house of empty rooms, with `text` planted in one file. */
const plant = (path: string, text: string): string[] => {
  const rooms = ROOMS.map((room) => ({ path: `src/${room}.ts`, text: `${HEADER}export const here = 1;` }));
  return findBreaches([...rooms.filter((room) => room.path !== path), { path, text }]);
};

describe('src', () => {
  test('keeps the laws of the house', () => {
    expect(findBreaches(source)).toEqual([]);
  });

  test('is really looked at: files of every floor are found', () => {
    const rooms = new Set(source.map(({ path }) => path.split('/')[1]));
    expect([...rooms]).toEqual(
      expect.arrayContaining([
        'main.ts',
        'app.ts',
        'http',
        'access',
        'services',
        'allocators',
        'core',
        'stores',
        'config',
      ]),
    );
    expect(source.some(({ path }) => path.endsWith('.lua'))).toBe(true);
  });
});

describe('an import against the direction is seen', () => {
  test.each([
    ['src/core/range.ts', "import { here } from '../services/number-service.ts';", 'core may not import services'],
    ['src/core/range.ts', "import type { here } from '../config/settings.ts';", 'core may not import config'],
    ['src/core/range.ts', "import '../lib/lifecycle.ts';", 'core may not import lib'],
    ['src/allocators/coalescing-allocator.ts', "import '../services/number-service.ts';", 'may not import services'],
    [
      'src/allocators/coalescing-allocator.ts',
      "import '../stores/redis/redis-client.ts';",
      'may not import stores/redis',
    ],
    [
      'src/services/number-service.ts',
      "export * from '../http/server.ts';\nexport const a = 1;",
      'may not import http',
    ],
    ['src/services/number-service.ts', "import '../stores/memory/memory-store.ts';", 'may not import stores/memory'],
    ['src/http/server.ts', "import type { Settings } from '../config/settings.ts';", 'http may not import config'],
    ['src/http/server.ts', "import '../allocators/coalescing-allocator.ts';", 'http may not import allocators'],
    ['src/http/routes/numbers.ts', "import '../../telemetry/logger.ts';", 'http may not import telemetry'],
    ['src/http/server.ts', "import '../app.ts';", 'http may not import app'],
    ['src/access/authorize.ts', "import type { here } from '../http/server.ts';", 'access may not import http'],
    ['src/access/authorize.ts', "import '../allocators/coalescing-allocator.ts';", 'access may not import allocators'],
    ['src/services/number-service.ts', "import '../access/authorize.ts';", 'services may not import access'],
    ['src/main.ts', "import './http/server.ts';", 'main may not import http'],
    ['src/stores/redis/redis-client.ts', "import '../sqlite/sqlite-database.ts';", 'may not import stores/sqlite'],
    [
      'src/stores/redis/redis-client.ts',
      "import '../../allocators/coalescing-allocator.ts';",
      'may not import allocators',
    ],
    ['src/config/settings.ts', "import '../telemetry/logger.ts';", 'config may not import telemetry'],
    ['src/telemetry/logger.ts', "import '../services/number-service.ts';", 'telemetry may not import services'],
    ['src/lib/lifecycle.ts', "import '../core/range.ts';", 'lib may not import core'],
    ['src/app.ts', "import './main.ts';", 'app may not import main'],
    ['src/main.ts', "import './stores/redis/redis-client.ts';", 'main may not import stores/redis'],
    ['src/core/range.ts', "type A = import('../http/server.ts').here;", 'core may not import http'],
    ['src/core/range.ts', "export const a = (): unknown => import('../http/server.ts');", 'core may not import http'],
    ['src/core/range.ts', "export { here } from '../http/server.ts';\nexport const a = 1;", 'core may not import http'],
    ['src/core/range.ts', 'export const a = (b: string): unknown => import(b);', 'only the run would know'],
    ['src/core/range.ts', "import './gone.ts';", 'is no file of src'],
    ['src/core/range.ts', "import './value';", 'is no file of src'],
    ['src/core/range.ts', "import '../support/service.ts';", 'is no file of src'],
  ])('%s (%#)', (path, text, breach) => {
    expect(plant(path, HEADER + text)).toEqual([expect.stringContaining(breach)]);
  });
});

describe('a circle is seen', () => {
  const circle = (...files: [path: string, text: string][]): string[] =>
    findBreaches(files.map(([path, text]) => ({ path, text: HEADER + text })));

  test('of two files', () => {
    const found = circle(
      ['src/core/range.ts', "import { here } from './value.ts';\nexport const there = here;"],
      ['src/core/value.ts', "import { there } from './range.ts';\nexport const here = there;"],
    );
    expect(found).toEqual(['src/core/range.ts, src/core/value.ts: import each other in a circle']);
  });

  test('of three files that know only types of each other', () => {
    const found = circle(
      ['src/core/range.ts', "import type { B } from './value.ts';\nexport type A = B;"],
      ['src/core/value.ts', "export type { C } from './gap.ts';\nexport type B = 1;"],
      ['src/core/gap.ts', "export type C = import('./range.ts').A;"],
    );
    expect(found).toEqual(['src/core/gap.ts, src/core/range.ts, src/core/value.ts: import each other in a circle']);
  });

  test('of two folders whose files are in none', () => {
    const found = circle(
      ['src/core/values/range.ts', "import type { B } from '../template/period.ts';\nexport type A = B;"],
      ['src/core/template/period.ts', 'export type B = 1;'],
      ['src/core/template/template.ts', "import type { C } from '../values/gap.ts';\nexport type D = C;"],
      ['src/core/values/gap.ts', 'export type C = 1;'],
    );
    expect(found).toEqual(['src/core/template, src/core/values: folders in a circle']);
  });

  test('of a folder and one inside it', () => {
    const found = circle(
      ['src/core/range.ts', "import type { B } from './template/period.ts';\nexport type A = B;"],
      ['src/core/template/period.ts', 'export type B = 1;'],
      ['src/core/template/template.ts', "import type { C } from '../gap.ts';\nexport type D = C;"],
      ['src/core/gap.ts', 'export type C = 1;'],
    );
    expect(found).toEqual(['src/core, src/core/template: folders in a circle']);
  });

  test('and two that import a third are none', () => {
    const found = circle(
      ['src/core/values/range.ts', "import type { A } from './value.ts';\nexport type B = A;"],
      ['src/core/template/period.ts', "import type { A } from '../values/value.ts';\nexport type B = A;"],
      ['src/core/values/value.ts', 'export type A = 1;'],
    );
    expect(found).toEqual([]);
  });
});

describe('a technology named in an allocator is seen', () => {
  test.each(["export const a = 'PostgreSQL is older.';", '// What Redis lost.', 'export const sqliteMax = 1;'])(
    '%s',
    (text) => {
      expect(plant('src/allocators/coalescing-allocator.ts', HEADER + text)).toEqual([
        expect.stringContaining('names a technology'),
      ]);
    },
  );

  test('and a store may name its own', () => {
    expect(plant('src/stores/redis/redis-client.ts', `${HEADER}export const a = 'Redis';`)).toEqual([]);
  });
});

describe('a package outside its room is seen', () => {
  test.each([
    ['src/core/range.ts', "import { readFileSync } from 'node:fs';", 'core may not import node:fs'],
    ['src/core/range.ts', "import pino from 'pino';", 'core may not import pino'],
    ['src/services/number-service.ts', "import pino from 'pino';", 'services may not import pino'],
    ['src/stores/redis/redis-client.ts', "import { Counter } from 'prom-client';", 'may not import prom-client'],
    ['src/lib/lifecycle.ts', "import type { Logger } from 'pino';", 'lib may not import pino'],
    ['src/services/number-service.ts', "import type { FastifyInstance } from 'fastify';", 'may not import fastify'],
    ['src/services/number-service.ts', "import jwt from '@fastify/jwt';", 'may not import @fastify/jwt'],
    ['src/http/server.ts', "import { Redis } from 'ioredis';", 'http may not import ioredis'],
    ['src/http/server.ts', "import { jwtVerify } from 'jose';", 'http may not import jose'],
    ['src/access/authorize.ts', "import type { FastifyRequest } from 'fastify';", 'access may not import fastify'],
    ['src/stores/sqlite/sqlite-database.ts', "import { Redis } from 'ioredis';", 'may not import ioredis'],
    ['src/stores/redis/redis-client.ts', "import { DatabaseSync } from 'node:sqlite';", 'may not import node:sqlite'],
  ])('%s (%#)', (path, text, breach) => {
    expect(plant(path, HEADER + text)).toEqual([expect.stringContaining(breach)]);
  });
});

describe('process.env outside main.ts is seen', () => {
  test.each([
    'export const port = process.env.PORT;',
    "export const port = process['env']['PORT'];",
    'export const port = globalThis.process.env.PORT;',
    'const { env } = process;\nexport const port = env.PORT;',
    "import { env } from 'node:process';\nexport const port = env.PORT;",
    "import { env as surroundings } from 'node:process';\nexport const port = surroundings.PORT;",
  ])('%s', (text) => {
    expect(plant('src/config/settings.ts', HEADER + text)).toContain(
      'src/config/settings.ts: reads process.env, which is for main.ts alone',
    );
  });

  test('and main.ts may read it', () => {
    expect(plant('src/main.ts', `${HEADER}export const port = process.env.PORT;`)).toEqual([]);
  });
});

describe('in a file that only decides is seen', () => {
  const MACHINE = 'src/allocators/counter/machine/node.ts';

  test.each([
    ['a promise', 'export const a = () => Promise.resolve();', 'uses Promise, where it may only decide'],
    ['the type of a promise', 'export type A = Promise<void>;', 'uses Promise, where it may only decide'],
    ['a timer', 'export const a = () => setTimeout(() => 1, 5);', 'uses setTimeout, where it may only decide'],
    ['an immediate', 'export const a = () => setImmediate(() => 1);', 'uses setImmediate, where it may only decide'],
    ['a clock', 'export const a = () => performance.now();', 'uses performance, where it may only decide'],
    ['a date', 'export const a = (ms: number) => new Date(ms);', 'uses Date, where it may only decide'],
    ['chance', 'export const a = () => Math.random();', 'reads a clock or chance, where it may only decide'],
    ['a wait', 'export const a = async () => 1;', 'waits, where it may only decide'],
    ['a class', 'export class A {}', 'has a class, where it may only decide'],
    ['a this', 'export const a = { b() { return this; } };', 'has a this, where it may only decide'],
    ['a phase', 'export const a = (b: { phase: string }) => { b.phase = "left"; };', 'writes a phase'],
    [
      'a phase by a cast',
      'export const a = (b: object) => { (b as { phase: string }).phase = "x"; };',
      'writes a phase',
    ],
  ])('%s', (_what, text, breach) => {
    expect(plant(MACHINE, `${HEADER}${text}`).join()).toContain(breach);
  });

  test.each(['gapless/waiting-line', 'segment/segment-queue', 'snowflake/next-ids'])('in %s too', (room) => {
    const path = `src/allocators/${room}.ts`;
    const text = `${HEADER}export const a = async () => 1;`;
    expect(plant(path, text)).toEqual([`${path}: waits, where it may only decide`]);
    expect(plant('src/allocators/gapless/ledger-calls.ts', text)).toEqual([]);
  });

  test('and there are such files in every strategy that needs some', () => {
    expect(source.filter(({ path }) => isPure(path)).length).toBeGreaterThan(30);
  });

  test('and the table of phases may write one', () => {
    const text = `${HEADER}export const enter = (b: { phase: string }) => { b.phase = 'left'; };`;
    expect(plant('src/allocators/counter/machine/sequence.ts', text)).toEqual([]);
  });
});

describe('a clock or chance of its own in core is seen', () => {
  test.each(['Date.now()', 'new Date()', 'performance.now()', 'Math.random()', 'Temporal.Now.instant()'])(
    '%s',
    (text) => {
      expect(plant('src/core/range.ts', `${HEADER}export const a = ${text};`)).toEqual([
        'src/core/range.ts: reads a clock or chance in core',
      ]);
    },
  );

  test('and a given moment is no clock', () => {
    expect(plant('src/core/range.ts', `${HEADER}export const a = (ms: number): Date => new Date(ms);`)).toEqual([]);
  });
});

describe('a barrel, a wrong name, a missing header and unparsable code are seen', () => {
  test.each([
    ['src/core/index.ts', `${HEADER}export const a = 1;`, 'is a barrel'],
    [
      'src/core/everything.ts',
      `${HEADER}export { here } from './range.ts';\nexport * from './value.ts';`,
      'is a barrel',
    ],
    ['src/core/numberRange.ts', `${HEADER}export const a = 1;`, 'kebab-case'],
    ['src/core/Range.ts', `${HEADER}export const a = 1;`, 'kebab-case'],
    ['src/core/number_range.ts', `${HEADER}export const a = 1;`, 'kebab-case'],
    ['src/core/range.ts', 'export const a = 1;', 'opens without its header'],
    ['src/core/range.ts', `// Says what it is for.\nexport const a = 1;`, 'opens without its header'],
    ['src/core/range.ts', '/** */\nexport const a = 1;', 'opens without its header'],
    ['src/core/range.ts', `import './value.ts';\n${HEADER}`, 'opens without its header'],
    ['src/stores/redis/lua/take.lua', '-- Takes a range.\nreturn 1', 'opens without its header'],
    ['src/stores/redis/lua/take.lua', '#!lua\nreturn 1', 'opens without its header'],
    ['src/stores/redis/lua/take/part.lua', '-- Takes.\nreturn 1', 'opens without its header'],
    ['src/stores/postgres/sql/take.sql', 'SELECT 1', 'opens without its header'],
    ['src/core/range.ts', `${HEADER}export const = 1;`, 'cannot be parsed'],
  ])('%s (%#)', (path, text, breach) => {
    expect(plant(path, text)).toEqual([expect.stringContaining(breach)]);
  });
});

describe('a method that could lose its object is seen', () => {
  test.each([
    ['class Session {\n  close(): void {}\n}', 'declares a class that is no error'],
    ['export const create = () => new (class {})();', 'declares a class that is no error'],
    ['class Session extends Map {}', 'declares a class that is no error'],
    ['export const a = { b: 1, c() { return this.b; } };', 'uses this'],
    ['export function swear(this: { epoch: number }): void { this.epoch += 1; }', 'uses this'],
    ['export const a = { b: 1, get c() { return this.b; } };', 'uses this'],
  ])('%s', (text, breach) => {
    expect(plant('src/allocators/coalescing-allocator.ts', HEADER + text)).toEqual([expect.stringContaining(breach)]);
  });

  test('and an error may be a class', () => {
    const text =
      'export class LostError extends Error {\n  constructor() {\n    super();\n    this.name = "a";\n  }\n}';
    expect(plant('src/core/range.ts', HEADER + text)).toEqual([]);
  });
});

describe('what the laws allow is not called a breach', () => {
  test.each([
    ['src/main.ts', "#!/usr/bin/env node\n/** Starts it all. */\nimport { here } from './app.ts';"],
    ['src/app.ts', `${HEADER}import './stores/redis/redis-client.ts';\nimport './http/server.ts';\nimport 'pino';`],
    ['src/http/routes/numbers.ts', `${HEADER}import '../../services/number-service.ts';\nimport '../server.ts';`],
    ['src/http/plugins/auth.ts', `${HEADER}import '../../access/authorize.ts';`],
    ['src/access/authorize.ts', `${HEADER}import 'jose';\nimport '../services/number-service.ts';`],
    [
      'src/http/server.ts',
      `${HEADER}import fastify from 'fastify';\nimport 'prom-client';\nimport '../core/range.ts';`,
    ],
    [
      'src/services/number-service.ts',
      `${HEADER}import '../allocators/coalescing-allocator.ts';\nimport '../core/range.ts';`,
    ],
    ['src/stores/redis/redis-client.ts', `${HEADER}import { Redis } from 'ioredis';\nimport '../../lib/lifecycle.ts';`],
    ['src/core/range.ts', `${HEADER}import { z } from 'zod/v4';\nimport { Temporal } from 'temporal-polyfill';`],
    ['src/core/range.ts', `/**\n * Says what it is for,\n * in two lines.\n */\nexport const a = "import 'pino'";`],
    ['src/stores/redis/lua/take.lua', '#!lua\n-- Takes a range.\nreturn 1'],
  ])('%s (%#)', (path, text) => {
    expect(plant(path, text)).toEqual([]);
  });
});
