/** The table of phases in docs/engine.md, made from the table that the machine follows. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PHASES, type Phase } from '../../../src/allocators/counter/machine/sequence.ts';

const PAGE = join(import.meta.dirname, '../../../docs/engine.md');

const BEGIN = '<!-- phases: made from machine/sequence.ts by `npm run docs` -->\n';
const END = '<!-- end of the phases -->';

const codes = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');

const rowOf = (phase: Phase): string => {
  const { meaning, entry, makesCalls, makesKeyedCalls, next } = PHASES[phase];
  const calls = makesKeyedCalls ? 'all' : makesCalls ? 'numbered' : 'none';
  return `| \`${phase}\` | ${meaning} | ${entry} | ${calls} | ${next.length === 0 ? '–' : codes(next)} |`;
};

const table = (): string =>
  [
    '| phase | what happens | holds on entry | calls | next |',
    '| --- | --- | --- | --- | --- |',
    ...(Object.keys(PHASES) as Phase[]).map(rowOf),
    '',
  ].join('\n');

/** The page, with the table as the code has it now. @throws Error when the page has no place for it. */
export const enginePage = (): string => {
  const text = readFileSync(PAGE, 'utf8');
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error('docs/engine.md has no place for the phases');
  return `${before}${BEGIN}\n${table()}\n${END}${after}`;
};
