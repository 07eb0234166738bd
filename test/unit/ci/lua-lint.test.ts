/** luacheck finds nothing in the Lua scripts, and what is planted in one is found where it was written. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadRedisScript } from '../../../src/stores/redis/connection/redis-script.ts';
import { obtainCiTool } from '../../support/ci-tool.ts';
import { assembleScript, findFaults, luaSources, scriptNames, textOf } from '../../support/lua-lint.ts';

const ROOT = join(import.meta.dirname, '../../..');
const PART = 'src/stores/redis/lua/reserve/take.lua';

let luacheck: string;
beforeAll(async () => {
  luacheck = await obtainCiTool('luacheck');
});

test('every Lua script is free of faults', () => {
  const sources = luaSources();
  expect(sources.length).toBeGreaterThan(10);
  expect(sources.flatMap((source) => findFaults(luacheck, source))).toEqual([]);
});

test.each(scriptNames())('%s is checked as it is sent', (name) => {
  expect(textOf(assembleScript(name))).toBe(loadRedisScript(name).lua);
});

describe('a fault in a part of a script is found where it was written:', () => {
  /** What is found when `line` stands behind the first line of a part. */
  const plant = (line: string): string[] => {
    const read = (path: string): string => {
      const text = readFileSync(join(ROOT, path), 'utf8');
      return path === PART ? text.replace('\n', `\n${line}\n`) : text;
    };
    return findFaults(luacheck, assembleScript('reserve', read));
  };

  test.each([
    ['a global is written', 'total = 1', /^setting non-standard global variable 'total'/],
    [
      'a name is declared nowhere',
      'local function four() return two(2) end four()',
      /^accessing undefined variable 'two'/,
    ],
    ['Redis does not have it', 'if now then os.exit() end', /^accessing undefined variable 'os'/],
    ['a variable is not used', 'local unused = now', /^unused variable 'unused'/],
    ['an argument is not used', 'local function one(two) return 1 end one()', /^unused argument 'two'/],
    ['a value is not used', 'local one = 1 one = 2 text(one)', /^value assigned to variable 'one' .*is overwritten/],
    [
      'a name is shadowed',
      'do local now = 1 text(now) end',
      /^shadowing upvalue 'now' .*src.stores.redis.lua.reserve\.lua:\d+$/,
    ],
    ['a comment excuses it', 'total = 1 -- luacheck: ignore', /^setting non-standard global variable 'total'/],
    ['a line is too long', `-- ${'long '.repeat(30)}long`, /^line is too long/],
    ['it is no Lua', 'local = 1', /^expected identifier/],
  ])('%s', (_what, line, message) => {
    const found = plant(line).filter((fault) => fault.startsWith(`${PART}:2:`));
    expect(found.map((fault) => fault.replace(/^\S+ \(\w+\) /, ''))).toContainEqual(expect.stringMatching(message));
  });
});

test('a luacheck that is not there is an error', () => {
  expect(() => findFaults('/nowhere/luacheck', assembleScript('try-write'))).toThrow(/did not check .*ENOENT/);
});
