/** docs/events.md lists every event of the log, with the level and the remedy that the code has. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { REMEDIES } from '../../../src/telemetry/logs/log-remedies.ts';

const ROOT = join(import.meta.dirname, '../../..');
const sources = globSync('src/**/*.ts', { cwd: ROOT }).map((path) => readFileSync(join(ROOT, path), 'utf8'));

const rows = [
  ...readFileSync(join(ROOT, 'docs/events.md'), 'utf8').matchAll(/^\| `([a-z-]+)` \| ([a-z, ]+) \| (.+?) \|(.*)\|$/gm),
].map(([, event = '', levels = '', meaning = '', remedy = '']) => ({
  event,
  levels: levels.split(', '),
  meaning,
  remedy: remedy.trim(),
}));

/** The names in `event: 'a'` and `event: 'a' | 'b'`. */
const eventsInCode = new Set(
  sources.flatMap((text) =>
    [...text.matchAll(/\bevent: ('[a-z-]+'(?: \| '[a-z-]+')*)/g)].flatMap(([, names = '']) =>
      names.split(' | ').map((name) => name.slice(1, -1)),
    ),
  ),
);

/** What stands as `logger.warn({ event: 'x'`, with the level that is written there. */
const levelsInCode = sources.flatMap((text) =>
  [...text.matchAll(/\.(info|warn|error|fatal)\(\s*\{\s*event: '([a-z-]+)'/g)].map(([, level = '', event = '']) => ({
    event,
    level,
  })),
);

describe('the list of events', () => {
  test('has each event that the code logs, and no other', () => {
    expect(rows.map(({ event }) => event)).toEqual([...eventsInCode].toSorted());
    expect(eventsInCode.size).toBeGreaterThan(40);
  });

  test('says the level that the code logs it at', () => {
    const levelsOf = new Map(rows.map(({ event, levels }) => [event, levels]));
    expect(levelsInCode.filter(({ event, level }) => !levelsOf.get(event)?.includes(level))).toEqual([]);
    expect(levelsInCode.length).toBeGreaterThan(30);
  });

  test('says for each event above info what to do, as the line itself does', () => {
    const loud = rows.filter(({ levels }) => levels.some((level) => level !== 'info'));
    expect(loud.map(({ event, remedy }) => [event, remedy])).toEqual(
      loud.map(({ event }) => [event, REMEDIES[event] ?? 'MISSING']),
    );
    const quiet = rows.filter(({ levels }) => levels.every((level) => level === 'info'));
    expect(quiet.filter(({ remedy }) => remedy !== '')).toEqual([]);
    expect(Object.keys(REMEDIES).filter((event) => !loud.some((row) => row.event === event))).toEqual([]);
  });
});
