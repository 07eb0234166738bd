/** Documents, comments and texts read as a native engineer would write them, as far as a script can check that. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DOCUMENTS } from '../support/documented-commands.ts';
import {
  offencesIn,
  type Passage,
  passagesOfMarkdown,
  passagesOfScript,
  passagesOfTypeScript,
  RULES,
} from '../support/plain-language.ts';

const ROOT = join(import.meta.dirname, '../..');
const GUIDE_LINES_MAX = 150;
const README_LINES_MAX = 200;
/** Shorter sentences may say the same in two places. */
const REPEATED_LENGTH_MIN = 60;

/** Its tables quote titles of tests. */
const FINDINGS = 'docs/findings.md';

const readPassages = (path: string): Passage[] => {
  const text = readFileSync(join(ROOT, path), 'utf8');
  return path.endsWith('.ts') ? passagesOfTypeScript(path, text) : passagesOfScript(text);
};

const linesOf = (text: string): number => text.trimEnd().split('\n').length;

describe('a document', () => {
  test.each(DOCUMENTS)('$path is in plain English', ({ path, text }) => {
    const passages = passagesOfMarkdown(text).filter(({ kind }) => path !== FINDINGS || kind !== 'cell');
    expect(offencesIn(passages)).toEqual([]);
  });

  test.each(DOCUMENTS.filter(({ path }) => path.startsWith('docs/guides/')))('$path is a short page', ({ text }) => {
    expect(linesOf(text)).toBeLessThan(GUIDE_LINES_MAX);
  });

  test('says what no other document says in the same words', () => {
    const seen = new Map<string, string>();
    const repeated: string[] = [];
    for (const { path, text } of DOCUMENTS) {
      for (const { kind, text: sentence } of passagesOfMarkdown(text)) {
        if (kind !== 'sentence' || sentence.length < REPEATED_LENGTH_MIN) continue;
        if (seen.has(sentence)) repeated.push(`${seen.get(sentence)}, ${path}: ${sentence}`);
        seen.set(sentence, path);
      }
    }
    expect(repeated).toEqual([]);
  });

  test('that a stranger reads first is short', () => {
    const readme = DOCUMENTS.find(({ path }) => path === 'README.md');
    expect(linesOf(readme?.text ?? '')).toBeLessThan(README_LINES_MAX);
  });
});

test('comments and texts in the sources are in plain English', () => {
  // A migration that was applied is never changed again: databases know its checksum.
  const found = globSync('src/**/*.{ts,lua,sql}', { cwd: ROOT, exclude: ['src/**/migrations/**'] })
    .toSorted()
    .flatMap((path) => offencesIn(readPassages(path)).map((offence) => ({ path, ...offence })));
  expect(found).toEqual([]);
});

test('comments in the tools of tests and benchmarks are in plain English', () => {
  const found = globSync(['test/support/**/*.ts', 'bench/**/*.ts'], { cwd: ROOT })
    .toSorted()
    .flatMap((path) => {
      const comments = readPassages(path).filter(({ kind }) => kind === 'comment');
      return offencesIn(comments).map((offence) => ({ path, ...offence }));
    });
  expect(found).toEqual([]);
});

describe('a rule', () => {
  test.each(RULES)('finds "$example": $name', ({ name, kinds, example }) => {
    for (const kind of kinds) {
      expect(offencesIn([{ kind, text: example }]).map(({ rule }) => rule)).toContain(name);
    }
  });

  test.each([
    'The caller who sent the request is named.',
    'Who is calling?',
    'The names tell nodes apart.',
    'So a lost reply costs nothing.',
    'It waits for it to end, for 3 s.',
    'What the node returns, the store keeps.',
  ])('finds nothing in "%s"', (text) => {
    expect(offencesIn([{ kind: 'sentence', text }])).toEqual([]);
  });

  test('reads paragraphs, list items, quotations and cells of a document, and neither code nor headings', () => {
    const markdown = [
      '# Who may call\n',
      'One line\nand the next. `he` is code.\n',
      '- [an item](for-ever.md)\n- another',
      '\n```sh\nhe tells\n```\n<!-- he -->',
      '| a | b |\n| --- | --- |\n| he | `his` |',
    ].join('\n');
    expect(passagesOfMarkdown(markdown).map(({ text }) => text)).toEqual([
      ...['One line and the next.', 'CODE is code.', 'an item', 'another', 'a', 'b', 'he', 'CODE'],
    ]);
  });

  test('reads comments and texts of the sources, and no names', () => {
    const typescript = [
      '/** A header. */',
      "import a from 'a b c';",
      "const key = 'one'; // why",
      `const text = \`It is \${key} now.\`;`,
    ].join('\n');
    expect(passagesOfTypeScript('a.ts', typescript).map(({ text }) => text)).toEqual([
      ...['A header.', 'why', 'It is X now.'],
    ]);
    expect(
      passagesOfScript('-- A header\n-- in two lines.\n-- $1  the key\nSELECT 1 -- why\n').map(({ text }) => text),
    ).toEqual([...['A header in two lines.', '$1 the key', 'why']]);
  });
});
