/** The command line of the harness. */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { BACKENDS, type BackendName, BUILDS, type BuildName } from './evidence.ts';
import { nemeses } from './nemeses/all.ts';
import type { Nemesis } from './nemesis.ts';

export interface RunOptions {
  readonly minutes: number;
  readonly nemeses: readonly Nemesis[];
  readonly seed: number;
  readonly backend: BackendName;
  readonly build: BuildName;
  /** Where the history is kept; undefined: only on failure, in a temporary directory. */
  readonly out: string | undefined;
}

export class UsageError extends Error {}

export const HELP = `Breaks the stores and the nodes of a numbering service under load, and checks every number it handed out.

  npm run jepsen -- [--minutes N] [--nemesis a,b,c] [--seed S] [--backend redis|replicas|postgres] [--build ours|naive] [--out FILE]
  npm run jepsen -- --replay FILE

  --minutes N     at least so long, and until each nemesis was there once (default 1)
  --nemesis LIST  of the names below, or all (default all)
  --seed S        of order, pauses and choices (default: the time, printed)
  --backend B     redis: Redis alone (default); replicas: with a replica; postgres: with a replica and DATABASE_URL
  --build B       ours (default); naive: INCR per request, which must fail
  --out FILE      keeps the history as JSON lines, logs of the nodes beside it; without it only on failure, in a temporary directory
  --replay FILE   checks a kept history again

Exit code 0: nothing found; 1: findings; 2: wrong options; 3: the harness itself broke.

Nemeses (del: all that begin with del-):
${nemeses.map(({ name, backends, about }) => `  ${name.padEnd(24)}${about} [${backends.join(', ')}]`).join('\n')}
`;

const oneOf = <T extends string>(name: string, allowed: readonly T[], given: string): T => {
  const found = allowed.find((value) => value === given);
  if (found === undefined) throw new UsageError(`--${name}: ${allowed.join(', ')}; not ${given}`);
  return found;
};

const numberFrom = (name: string, given: string, min: number): number => {
  const value = Number(given);
  if (given.trim() === '' || !Number.isFinite(value) || value < min)
    throw new UsageError(`--${name}: a number from ${min}; not ${given}`);
  return value;
};

/** `all` means all that make sense for the backend; a name that does not is an error. */
const chooseNemeses = (list: string, backend: BackendName): Nemesis[] => {
  const fitting = nemeses.filter(({ backends }) => backends.includes(backend));
  if (list === 'all') return fitting;
  const names = list.split(',').flatMap((name) => {
    const group = name === 'del' ? nemeses.filter((nemesis) => nemesis.name.startsWith('del-')) : [];
    return group.length > 0 ? group.map((nemesis) => nemesis.name) : [name.trim()];
  });
  return [...new Set(names)].map((name) => {
    const known = nemeses.find((nemesis) => nemesis.name === name);
    if (known === undefined) throw new UsageError(`--nemesis: no ${name || 'empty name'}; --help lists them`);
    if (!fitting.includes(known))
      throw new UsageError(`--nemesis: ${name} needs --backend ${known.backends.join(' or ')}`);
    return known;
  });
};

const parse = (args: readonly string[]) => {
  const text = { type: 'string' } as const;
  try {
    const options = { minutes: text, nemesis: text, seed: text, backend: text, build: text, out: text, replay: text };
    return parseArgs({ args: [...args], strict: true, options: { ...options, help: { type: 'boolean' } } }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
};

export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'replay'; readonly file: string }
  | { readonly kind: 'run'; readonly options: RunOptions };

/** @throws UsageError */
export const readCommand = (args: readonly string[]): Command => {
  const given = parse(args);
  if (given.help === true) return { kind: 'help' };
  if (given.replay !== undefined) {
    if (Object.keys(given).length > 1) throw new UsageError('--replay goes with no other option');
    if (!existsSync(given.replay)) throw new UsageError(`--replay: there is no ${given.replay}`);
    return { kind: 'replay', file: given.replay };
  }
  const backend = oneOf('backend', BACKENDS, given.backend ?? 'redis');
  const options: RunOptions = {
    minutes: numberFrom('minutes', given.minutes ?? '1', 0),
    nemeses: chooseNemeses(given.nemesis ?? 'all', backend),
    seed: Math.trunc(numberFrom('seed', given.seed ?? String(Date.now() % 1_000_000_000), 0)),
    backend,
    build: oneOf('build', BUILDS, given.build ?? 'ours'),
    out: given.out,
  };
  return { kind: 'run', options };
};
