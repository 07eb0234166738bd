/** The subject of a token: it appears in the log, in ledgers and in reports. */
import { isPlain, PLAIN_RULE } from './plain-text.ts';

/** The limit of OpenID Connect. It is stored with each number of a ledger. */
const LENGTH_MAX = 255;

export const SUBJECT_RULE = `1 to ${LENGTH_MAX} characters, ${PLAIN_RULE.toLowerCase()}`;

/** Whether it can be stored. */
export const isSubject = (text: string): boolean => text.length >= 1 && text.length <= LENGTH_MAX && isPlain(text);
