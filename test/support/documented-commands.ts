/** The commands of the documents, and whether somebody ran them: a block has a mark that says who, everything else must stand in such a block. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** README and docs, by path. */
export const DOCUMENTS = ['README.md', ...globSync('docs/**/*.md', { cwd: ROOT }).toSorted()].map((path) => ({
  path,
  text: readFileSync(join(ROOT, path), 'utf8'),
}));

const FENCE = /^```(\w*)\n(.*?)^```$/gms;
/** The line right above a console block. */
const MARK =
  /<!-- run by (?:test\/e2e\/readme\.test\.ts(?: on (?<stores>Redis and PostgreSQL))?|test\/deployment\/(?<kustomize>documented-overlays)\.test\.ts|(?<hand>hand), \d{4}-\d{2}-\d{2}(?:[,:] [^\n]*)?) -->\n$/;
const TOOL = /^(?:npm|npx|node|docker|kubectl|curl|redis-cli|psql|pg_dump|promtool|k6|bash|HSET|CONFIG|INFO)$/;
const SETTING = /^[A-Z][A-Z_]*=/;

export interface Documented {
  /** Commands under a mark: the proof of the others. */
  readonly run: readonly string[];
  /** Commands of unmarked blocks and of inline code. */
  readonly mentioned: readonly string[];
  /** What is wrong with the blocks themselves. */
  readonly faults: readonly string[];
}

export interface Block {
  readonly language: string;
  /**
   * What runs it: test/e2e/readme.test.ts on these stores, a test of the overlays, or a person; undefined without a
   * mark.
   */
  readonly runBy: 'SQLite' | 'Redis and PostgreSQL' | 'documented-overlays' | 'hand' | undefined;
  readonly lines: readonly string[];
  /** Its lines with `$`. */
  readonly commands: readonly string[];
  /** Its lines without, which are what the commands print. */
  readonly printed: readonly string[];
}

const readMark = (above: string): Block['runBy'] => {
  const groups = MARK.exec(above)?.groups;
  return groups && ((groups['hand'] ?? groups['kustomize'] ?? groups['stores'] ?? 'SQLite') as Block['runBy']);
};

/** The fenced blocks of a document, in their order. */
export const blocksOf = (text: string): Block[] =>
  [...text.matchAll(FENCE)].map(({ 1: language = '', 2: body = '', index }) => {
    const lines = body.replaceAll('\\\n', ' ').trimEnd().split('\n');
    return {
      language,
      runBy: readMark(text.slice(0, index)),
      lines,
      commands: lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2)),
      printed: lines.filter((line) => !line.startsWith('$ ')),
    };
  });

const withoutComment = (line: string): string => line.replace(/(?:^|\s)\s*#.*$/, '').trim();

/** Something to type: a tool with arguments, after settings or none, or a script of this repository. */
const isCommand = (code: string): boolean => {
  const words = code.split(/\s+/);
  const [first = '', second] = words.slice(words.findIndex((word) => !SETTING.test(word)));
  return /^\.ci\/\w+/.test(first) || (TOOL.test(first) && second !== undefined);
};

export const readDocument = (text: string): Documented => {
  const run: string[] = [];
  const mentioned: string[] = [];
  const faults: string[] = [];
  for (const { language, runBy, lines, commands, printed } of blocksOf(text)) {
    const [first = ''] = commands;
    if (language === 'sh') mentioned.push(...lines.map(withoutComment).flatMap((line) => line.split(' && ')));
    else if (language !== 'console' && commands.length > 0) faults.push(`not a console block: ${first}`);
    else if (language === 'console' && runBy === undefined) faults.push(`no mark: ${first}`);
    else if (language === 'console' && printed.length === 0) faults.push(`no output: ${first}`);
    else if (language === 'console') run.push(...commands);
  }
  const prose = text.replaceAll(FENCE, '');
  for (const [, code = ''] of prose.matchAll(/`([^`\n]+)`/g)) if (isCommand(code)) mentioned.push(code);
  return { run, mentioned: mentioned.filter((command) => command !== ''), faults };
};

/** Numbers are alike: a short run shows that the command of a long one works. */
const wordsOf = (command: string): string[] =>
  command
    .replace(/^bash (?=\.ci\/)/, '')
    .replaceAll(/[()"'$;`]/g, ' ')
    .replaceAll(/(?<=[\s=])\d+(?:\.\d+)?(?=\s|$)/g, '0')
    .split(/\s+/)
    .filter((word) => word !== '');

/** `…` and NAME stand for anything, `a|b` for one of them. */
const fits = (written: string, ran: string): boolean =>
  written === '…' || /^[A-Z]+$/.test(written) || written.split('|').includes(ran) || written === ran;

/** Whether the words of a command stand in what was run, in this order; it may have had more options. */
export const isPartOf = (command: string, ran: string): boolean => {
  const words = wordsOf(command);
  let found = 0;
  for (const word of wordsOf(ran)) if (found < words.length && fits(words[found] ?? '', word)) found += 1;
  return found === words.length;
};
