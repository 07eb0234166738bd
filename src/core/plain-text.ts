/** Texts of callers that go to logs, ledgers and lists: what must not stand in them, and how it is shown where it does all the same. */

/**
 * Control characters (C0, DEL, C1), halves of surrogate pairs, separators of lines, and marks that turn the direction of what follows.
 * No store need keep them, PostgreSQL cannot keep the first of them, and a terminal or a list obeys them.
 */
const UNPLAIN = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

export const PLAIN_RULE =
  'Without control characters, line breaks among them, and without marks that change the direction of a text';

export const isPlain = (text: string): boolean => !UNPLAIN.test(text);

/** Those that JSON leaves as they are. */
const UNPLAIN_IN_JSON = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The same JSON, in which nothing is left that a terminal would obey. */
export const plainJson = (json: string): string =>
  json.replace(UNPLAIN_IN_JSON, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** The same, so that a reader who prints the texts of the JSON prints `\\u001b`, not the character. Line breaks stay. */
export const plainTexts = (json: string): string =>
  plainJson(json).replace(/(\\\\)|\\u([0-9a-f]{4})/gi, (_all, pair: string | undefined, code: string) =>
    pair === undefined ? `\\\\u${code}` : pair,
  );
