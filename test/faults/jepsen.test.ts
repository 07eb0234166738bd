/** A short run of the harness: our build, in which it must find nothing, and the naive one, which must fail. */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readCommand } from './jepsen/options.ts';
import { describeRun } from './jepsen/report.ts';
import { type RunResult, runJepsen } from './jepsen/run.ts';
import { countByKind } from './jepsen/verdict.ts';

/** Those that our build withstands on Redis alone as well. */
const ON_REDIS = 'redis-restart,aof-cut,link-cut,node-killed,same-data-dir';
/** The worst; JEPSEN_NEMESES takes others. */
const ON_POSTGRES =
  process.env['JEPSEN_NEMESES'] ??
  'flushall,old-rdb,lagging-replica,split,both-killed,node-killed-in-recovery,del-gaps';

const run = async (...args: string[]): Promise<RunResult> => {
  const command = readCommand(['--minutes', '0', '--seed', '7', ...args]);
  if (command.kind !== 'run') throw new Error('That is no run.');
  const lines: string[] = [];
  const result = await runJepsen(command.options, (line) => lines.push(line));
  if (result.broken !== undefined) throw result.broken;
  console.log(lines.join('\n'), describeRun(result.history, result.verdict));
  return result;
};

describe('a short run of the harness', () => {
  test.each([
    ['redis', ON_REDIS],
    ['postgres', ON_POSTGRES],
  ])('finds nothing in our build on %s', async (backend, nemeses) => {
    const { verdict, file } = await run('--backend', backend, '--nemesis', nemeses);
    expect(verdict.findings).toEqual([]);
    expect(file).toBeUndefined();
  });

  test('finds duplicates in the naive build', async () => {
    const { verdict, file = '' } = await run(
      '--build',
      'naive',
      '--backend',
      'replicas',
      '--nemesis',
      'aof-cut,lagging-replica',
    );
    rmSync(dirname(file), { recursive: true });
    expect(countByKind(verdict.findings).get('duplicate')).toBeGreaterThan(0);
  });
});

describe('the command line of the harness', () => {
  test.each([
    ['--nemesis', 'nobody'],
    ['--nemesis', ''],
    ['--nemesis', 'split', '--backend', 'redis'],
    ['--minutes', '-1'],
    ['--minutes', ''],
    ['--seed', 'x'],
    ['--backend', 'mysql'],
    ['--build', 'theirs'],
    ['--unknown'],
    ['--replay', 'file', '--seed', '1'],
    ['--replay', '/no/such/file'],
  ])('refuses %s %s', (...args) => {
    expect(() => readCommand(args)).toThrow(/^(--|Unknown option|Option)/);
  });

  test('takes del for all that delete keys, and all for those that fit the backend', () => {
    const names = (...args: string[]): string[] => {
      const command = readCommand(args);
      return command.kind === 'run' ? command.options.nemeses.map(({ name }) => name) : [];
    };
    expect(names('--nemesis', 'del')).toEqual(['del-counter', 'del-state', 'del-both', 'del-gaps']);
    expect(names()).not.toContain('split');
    expect(names('--backend', 'replicas')).toContain('split');
  });
});
