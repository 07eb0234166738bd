/** No file and no function of src is longer than a reader can hold, and the check that says so is not blind. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findLong } from '../support/house-sizes.ts';

const ROOT = join(import.meta.dirname, '../..');

test('src has no file above 300 lines, no function above 70, no frame of functions above 150, none in an allocator', () => {
  const source = globSync('src/**/*.{ts,lua}', { cwd: ROOT }).map((path) => ({
    path,
    text: readFileSync(join(ROOT, path), 'utf8'),
  }));
  expect(source.length).toBeGreaterThan(200);
  expect(findLong(source)).toEqual([]);
});

describe('what is too long is seen', () => {
  const lines = (count: number): string => '  one();\n'.repeat(count);
  const find = (text: string, path = 'src/core/range.ts'): string[] => findLong([{ path, text }]);

  test.each([
    ['a file of 301 lines', `${lines(300)}one();`, ['src/core/range.ts: has 301 lines, more than 300']],
    ['and not one of 300', lines(300), []],
    [
      'a function of 71 lines',
      `const act = () => {\n${lines(69)}};`,
      ['src/core/range.ts: act has 71 lines, more than 70'],
    ],
    ['and not one of 70', `const act = () => {\n${lines(68)}};`, []],
    ['a declared function', `function act() {\n${lines(69)}}`, ['src/core/range.ts: act has 71 lines, more than 70']],
    [
      'a factory of 151 lines',
      `const createOne = () => {\n${lines(148)}  return {};\n};`,
      ['src/core/range.ts: createOne has 151 lines, more than 150'],
    ],
    ['and not one of 150', `const createOne = () => {\n${lines(147)}  return {};\n};`, []],
    [
      'a function that is only called like a factory',
      `const createOne = () => {\n${lines(148)}  return 1;\n};`,
      ['src/core/range.ts: createOne has 151 lines, more than 70'],
    ],
    [
      'a closure in a factory',
      `const createOne = () => {\n  const act = () => {\n${lines(69)}  };\n  return { act };\n};`,
      ['src/core/range.ts: act has 71 lines, more than 70'],
    ],
    [
      'a handler in a plugin of routes',
      `const numberRoutes = (server) => {\n  server.get('/', () => {\n${lines(69)}  });\n};`,
      ['src/core/range.ts: a callback (numberRoutes) has 71 lines, more than 70'],
    ],
  ])('%s', (_what, text, expected) => {
    expect(find(text)).toEqual(expected);
  });

  test.each(['gapless/one', 'segment/one', 'single-flight'])('a factory of 71 lines in an allocator: %s', (name) => {
    const text = `const createOne = () => {\n${lines(68)}  return {};\n};`;
    const path = `src/allocators/${name}.ts`;
    expect(find(text, path)).toEqual([`${path}: createOne has 71 lines, more than 70`]);
  });

  test('a script of 301 lines', () => {
    expect(find('-- one\n'.repeat(301), 'src/stores/redis/lua/take.lua')).toHaveLength(1);
  });
});
