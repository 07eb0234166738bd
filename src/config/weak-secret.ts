/**
 * Recognises secrets that can be guessed: examples from a repository or a manual, and text with hardly any randomness.
 */

/** Placeholders for a secret; a space stands for a separator or nothing. */
const EXAMPLES = [
  ...[
    'secret',
    'passwo',
    'passwd',
    'passwort',
    'change me',
    'changeit',
    'replace me',
    'example',
    'placeholder',
    'insert',
  ],
  ...['sample', 'default', 'insecure', 'letmein', 'qwerty', 'number generator', 'trial me', 'trial only', 'dummy key'],
  ...['your own', 'your key', 'your jwt', 'your 256'],
];

/** A word as people write it: all small, all large, or with a capital. Chance mixes them, and so hardly ever writes one. */
const spellings = (words: string): string[] => {
  const capital = words.replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
  return [words, words.toUpperCase(), capital].map((spelling) => spelling.replaceAll(' ', '[^A-Za-z0-9]?'));
};
const EXAMPLE = new RegExp(EXAMPLES.flatMap(spellings).join('|'));
/** Words so short that chance writes them now and then: they must stand by themselves. */
const SHORT_EXAMPLE = /(?<![a-z0-9])(?:dummy|trial)(?![a-z0-9])/i;

/** Rows that hands and teachers know; what stands in them says as little as one character. */
const ROWS = [
  '0123456789',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertzuiop',
  'qwertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'deadbeef',
  'cafebabe',
];
const reversed = (text: string): string => [...text].reverse().join('');
const KNOWN = [...ROWS, ...ROWS.map(reversed)].join('\n');

/** 32 hex digits of chance have 16 to 22 parts that were not there before, a repeated phrase has few. */
const PARTS_MIN = 11;
const DISTINCT_MIN = 7;

/** How many parts a text has when each is the longest that stood before, or a single new character. */
const partsOf = (text: string): number => {
  let parts = 0;
  for (let at = 0; at < text.length; parts += 1) {
    let length = 1;
    const known = `${KNOWN}\n${text.slice(0, at)}`;
    while (at + length < text.length && known.includes(text.slice(at, at + length + 1))) length += 1;
    at += length;
  }
  return parts;
};

/** Whether it is one short piece, over and over. */
const isRepeated = (text: string): boolean => {
  for (let length = 1; length <= text.length / 2; length += 1) {
    if (text.slice(length) === text.slice(0, -length)) return true;
  }
  return false;
};

/** @returns what is wrong with a secret for production; undefined when nothing is. */
export const weaknessOf = (secret: string): string | undefined => {
  const text = secret.toLowerCase();
  if (EXAMPLE.test(secret) || SHORT_EXAMPLE.test(secret)) return 'Looks like an example, which everybody knows';
  const isGuessable = new Set(text).size < DISTINCT_MIN || isRepeated(text) || partsOf(text) < PARTS_MIN;
  return isGuessable ? 'Is too regular: it could be guessed' : undefined;
};
