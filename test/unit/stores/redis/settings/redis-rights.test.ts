/** The list of rights that is checked at the start has every command that the service sends. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRedisKeys } from '../../../../../src/stores/redis/codecs/redis-keys.ts';
import { KEYED_COMMANDS } from '../../../../../src/stores/redis/connection/redis-commands.ts';
import { rightsNeeded } from '../../../../../src/stores/redis/settings/redis-rights.ts';

const LUA = join(import.meta.dirname, '../../../../../src/stores/redis/lua');

test('every command of a script, and every command that the stores send, is in the list', () => {
  const scripts = globSync('**/*.lua', { cwd: LUA }).map((path) => readFileSync(join(LUA, path), 'utf8'));
  const called = scripts.flatMap((lua) =>
    [...lua.matchAll(/redis\.p?call\('([A-Z]+)'/g)].map((match) => match[1] ?? ''),
  );
  expect(called.length).toBeGreaterThan(10);
  const listed = new Set(rightsNeeded(createRedisKeys('')).map((line) => line.split(' ')[0]));
  const sent = [...called, ...KEYED_COMMANDS.map((name) => name.toUpperCase()), 'EVAL', 'EVALSHA', 'PING', 'WAIT'];
  expect(sent.filter((name) => !listed.has(name))).toEqual([]);
});
