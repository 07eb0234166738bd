/** What luacheck finds in the Lua scripts, each checked as a whole, as Redis gets it; run by itself it prints the findings. */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { basename, join, posix } from 'node:path';
import { obtainCiTool } from './ci-tool.ts';

const ROOT = join(import.meta.dirname, '../..');
const SCRIPTS = 'src/stores/redis/lua';

/** A line as it was written. */
interface SourceLine {
  /** From the folder of the project. */
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

interface LuaSource {
  readonly path: string;
  readonly lines: readonly SourceLine[];
}

type ReadFile = (path: string) => string;

const readSource: ReadFile = (path) => readFileSync(join(ROOT, path), 'utf8');

const linesOf = (path: string, read: ReadFile): SourceLine[] =>
  read(path)
    .split('\n')
    .map((text, index) => ({ path, line: index + 1, text }));

/** A script with its parts in place, as `loadRedisScript` puts it together: alone, a part has names that only the others declare. */
export const assembleScript = (name: string, read: ReadFile = readSource): LuaSource => {
  const path = `${SCRIPTS}/${name}.lua`;
  const lines = linesOf(path, read).flatMap((line) => {
    const part = /^ *-- @include (\S+)$/.exec(line.text)?.[1];
    return part === undefined ? [line] : linesOf(posix.join(SCRIPTS, name, part), read);
  });
  return { path, lines };
};

export const textOf = ({ lines }: LuaSource): string => lines.map(({ text }) => text).join('\n');

/** Names of the scripts that are sent to Redis. */
export const scriptNames = (): string[] =>
  globSync(`${SCRIPTS}/*.lua`, { cwd: ROOT })
    .map((path) => basename(path, '.lua'))
    .sort();

/** Every Lua file of the project, the parts inside their scripts. */
export const luaSources = (): LuaSource[] => [
  ...scriptNames().map((name) => assembleScript(name)),
  ...globSync('bench/**/*.lua', { cwd: ROOT }).map((path) => ({ path, lines: linesOf(path, readSource) })),
];

const placeOf = (lines: readonly SourceLine[], number: string): string => {
  const { path, line } = lines[Number(number) - 1] ?? { path: 'unknown', line: number };
  return `${path}:${line}`;
};

/**
 * What is wrong in a source, as `path:line:column: (code) message`.
 * @param luacheck where it is. @throws Error when it did not run.
 */
export const findFaults = (luacheck: string, source: LuaSource): string[] => {
  const { path, lines } = source;
  const { status, stdout, stderr, error } = spawnSync(luacheck, ['-', '--filename', path, '--formatter', 'plain'], {
    cwd: ROOT,
    // No comment excuses what stands beside it.
    input: textOf(source).replaceAll('luacheck:', 'luacheck '),
    encoding: 'utf8',
  });
  if (status === 0) return [];
  const found = [...(stdout ?? '').matchAll(/^.+?:(\d+):(\d+): (.+)$/gm)].map(
    ([, line = '', column = '', message = '']) =>
      `${placeOf(lines, line)}:${column}: ` +
      message.replaceAll(/(?<=on line |at line )\d+/g, (number) => placeOf(lines, number)),
  );
  if (found.length === 0) throw new Error(`luacheck did not check ${path}: ${error?.message ?? stdout + stderr}`);
  return found;
};

if (import.meta.main) {
  const luacheck = await obtainCiTool('luacheck');
  const sources = luaSources();
  const faults = sources.flatMap((source) => findFaults(luacheck, source));
  for (const fault of faults) console.error(fault);
  console.log(`${sources.length} Lua scripts, ${faults.length} findings (${luacheck})`);
  if (faults.length > 0) process.exitCode = 1;
}
