/**
 * Texts of callers that go to logs, ledgers and lists: the characters they must not contain, and how these are shown if
 * they do.
 */

/**
 * Control characters (C0, DEL, C1), halves of surrogate pairs, line separators, and marks that change the direction of
 * text. PostgreSQL cannot store the first of them, and terminals and lists obey them.
 */
const UNPLAIN = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

export const PLAIN_RULE =
  'Without control characters, line breaks among them, and without marks that change the direction of a text';

export const isPlain = (text: string): boolean => !UNPLAIN.test(text);

/** Those that JSON does not escape. */
const UNPLAIN_IN_JSON = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The same JSON without characters that a terminal would obey. */
export const plainJson = (json: string): string =>
  json.replace(UNPLAIN_IN_JSON, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** The same, so that a reader who prints the texts of the JSON prints `\\u001b`, not the character. Line breaks stay. */
export const plainTexts = (json: string): string =>
  plainJson(json).replace(/(\\\\)|\\u([0-9a-f]{4})/gi, (_all, pair: string | undefined, code: string) =>
    pair === undefined ? `\\\\u${code}` : pair,
  );
