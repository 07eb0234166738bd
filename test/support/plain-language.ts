/** The rules of plain English that a script can check, for documents, comments and texts in the code. */
import { parseSync } from 'oxc-parser';

/** Where a passage stands, which decides the rules for it. */
type Kind = 'sentence' | 'cell' | 'comment' | 'text';

export interface Passage {
  readonly kind: Kind;
  readonly text: string;
}

export interface Offence {
  readonly rule: string;
  readonly text: string;
}

interface Rule {
  readonly name: string;
  readonly kinds: readonly Kind[];
  readonly isBroken: (text: string) => boolean;
}

const WORDS_MAX = 45;
/** A cell holds a phrase. */
const CELL_LENGTH_MAX = 200;

const PROSE: readonly Kind[] = ['sentence', 'cell', 'comment', 'text'];
const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
const says = (name: string, pattern: RegExp, kinds = PROSE): Rule => ({
  name,
  kinds,
  isBroken: (text) => pattern.test(text),
});

/** Each with a sentence that breaks it: a rule that finds nothing proves nothing. */
export const RULES: readonly (Rule & { readonly example: string })[] = [
  {
    ...says(
      'who opens a sentence that is no question',
      /(?:^|[;:] )who\b(?! (?:is|are|was|were) (?:it|this)\b)[^?]*$/i,
    ),
    example: 'Who came, and what came back, goes on in the next one.',
  },
  {
    ...says('who stands alone after a preposition', /\b(?:for|to|from|by|of|than|with) who\b/i),
    example: 'The reply names it for who may read it.',
  },
  {
    ...says(
      'so turns a sentence round',
      /\bso (?:old|large|long|small|late|near|far) an? \w|\bso (?:many|few) \w+ (?:an?|are|may|can|were)\b/i,
    ),
    example: 'So old an answer is used while the store is away.',
  },
  {
    ...says(
      'tell, where something is logged, returned or shown',
      /\b(?:tell|tells|told|telling)\b(?! (?:\S+ ){0,6}?apart)/i,
    ),
    example: 'The log tells when the store is back.',
  },
  {
    ...says('a caller is they', /\b(?:he|him|his|himself|she|her|hers|herself)\b/i),
    example: 'A caller repeats his request.',
  },
  { ...says('for ever', /\bfor ever\b/i), example: 'The connection is kept for ever.' },
  {
    ...says('what … , is', /\bwhat (?:[\w’'`-]+ ){1,8}?[\w’'`-]+, (?:is|are|was|were|has|have) /i),
    example: 'What the node knows, is reported.',
  },
  {
    ...says('nobody … any more', /\bnobody\b.*\bany ?more\b/i),
    example: 'The node needs nobody any more to be known.',
  },
  {
    ...says('for, where because is meant', /, for (?:it|they|there|nobody|he|she|we|you) (?!to\b)\w/i),
    example: 'The key is claimed first, for there may be another request.',
  },
  {
    ...says(
      'a word of another century',
      /\b(?:lest|whither|thither|heed|heeds|heeded|befall|befalls|dearer|dearest|to be had|in good order|struck out|be it)\b/i,
    ),
    example: 'No shell is to be had in the image.',
  },
  {
    ...says('a word that was renamed: see docs/glossary.md', /\b(?:lanes?|forsaken|look-every|numberings?)\b/i, [
      'sentence',
      'cell',
    ]),
    example: 'Each lane has the waiters of one sequence.',
  },
  {
    ...says(
      'a measured figure in a comment',
      /(?<![$\w\]])\d[\d.,]*\s?(?:ms|µs|ns|MB|MiB|GB|KB|kB|%|requests\/s)(?![\w])/,
      ['comment'],
    ),
    example: 'It takes 17 µs.',
  },
  {
    name: `a sentence of more than ${WORDS_MAX} words`,
    kinds: ['sentence', 'comment', 'text'],
    isBroken: (text) => wordsOf(text).length > WORDS_MAX,
    example: `It ${'goes on and '.repeat(16)} on.`,
  },
  {
    name: `a table cell of more than ${CELL_LENGTH_MAX} characters`,
    kinds: ['cell'],
    isBroken: (text) => text.length > CELL_LENGTH_MAX,
    example: `A cell ${'with a long explanation '.repeat(9)}.`,
  },
];

const sentencesOf = (paragraph: string): string[] =>
  paragraph
    .replaceAll(/\s+/g, ' ')
    .split(/(?<=[.!?…][")”*_]*) (?=[\p{Lu}`*"“(\d])/u)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== '');

/** Code is no prose, and of a link its text is read. */
const plainOf = (markdown: string): string =>
  markdown
    .replaceAll(/`[^`]*`/g, 'CODE')
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/\*\*|__/g, '');

export const passagesOfMarkdown = (markdown: string): Passage[] => {
  const text = markdown.replaceAll(/^```.*?^```$/gms, '').replaceAll(/<!--.*?-->/gs, '');
  const passages: Passage[] = [];
  for (const block of text.split(/\n\s*\n|\n(?=\s*(?:[-*]|\d+\.)\s)|\n(?=#)|(?<=^#.*)\n/m)) {
    if (block.trimStart().startsWith('|')) {
      const rows = block
        .trim()
        .split('\n')
        .filter((row) => !/^\|[\s:|-]+\|$/.test(row));
      const cells = rows.flatMap((row) =>
        plainOf(row)
          .split('|')
          .map((cell) => cell.trim()),
      );
      passages.push(...cells.filter((cell) => cell !== '').map((cell) => ({ kind: 'cell' as const, text: cell })));
    } else if (!block.startsWith('#')) {
      const prose = plainOf(block.replace(/^\s*(?:[-*]|\d+\.|>)\s+/, ''));
      passages.push(...sentencesOf(prose).map((sentence) => ({ kind: 'sentence' as const, text: sentence })));
    }
  }
  return passages;
};

interface Node {
  readonly type?: string;
  readonly [key: string]: unknown;
}

/** String literals with at least three words; the names of things have fewer. */
const textsOf = (value: unknown, texts: string[]): void => {
  if (Array.isArray(value)) for (const item of value) textsOf(item, texts);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  const node = value as Node;
  if (node.type === 'ImportDeclaration') return;
  if (node.type === 'Literal' && typeof node['value'] === 'string') texts.push(node['value']);
  if (node.type === 'TemplateLiteral') {
    const quasis = node['quasis'] as readonly { readonly value: { readonly cooked?: string } }[];
    texts.push(quasis.map((quasi) => quasi.value.cooked ?? '').join('X'));
  }
  for (const child of Object.values(node)) textsOf(child, texts);
};

const isProse = (text: string): boolean =>
  wordsOf(text).length > 2 && !/\b(?:SELECT|INSERT|UPDATE|DELETE|CREATE)\b/.test(text);

const passagesOfComment = (comment: string): Passage[] => {
  const text = comment
    .replaceAll(/^\s*\*+/gm, '')
    .replaceAll(/^\s*(?:biome-ignore|@ts-)\b.*$/gm, '')
    .replaceAll(/@(?:returns|param|throws|template)\b/g, '. ');
  return sentencesOf(plainOf(text)).map((sentence) => ({ kind: 'comment', text: sentence }));
};

export const passagesOfTypeScript = (path: string, source: string): Passage[] => {
  const { program, comments } = parseSync(path, source);
  const texts: string[] = [];
  textsOf(program, texts);
  return [
    ...comments.flatMap(({ value }) => passagesOfComment(value)),
    ...texts
      .filter(isProse)
      .flatMap((text) => text.split('\n'))
      .flatMap((line) => sentencesOf(plainOf(line)).map((sentence) => ({ kind: 'text' as const, text: sentence }))),
  ];
};

/** Comments of Lua and SQL: `--` up to the end of the line, lines that follow each other together. What a key or a parameter is, stands alone. */
export const passagesOfScript = (source: string): Passage[] =>
  source.split(/\n(?!\s*--)/).flatMap((block) => {
    const lines = block.split('\n').map((line) => /--(?!\[)\s?(.*)$/.exec(line)?.[1]);
    const comment = lines.filter((line) => line !== undefined).join('\n');
    return comment
      .split(/\n(?=.*(?:KEYS|ARGV|\$\d)|\s*Returns?\b)|(?<=(?:KEYS|ARGV|\$\d).*)\n(?=\S)/)
      .flatMap(passagesOfComment);
  });

export const offencesIn = (passages: readonly Passage[]): Offence[] =>
  passages.flatMap(({ kind, text }) =>
    RULES.filter(({ kinds, isBroken }) => kinds.includes(kind) && isBroken(text)).map(({ name }) => ({
      rule: name,
      text,
    })),
  );
