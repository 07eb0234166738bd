/** The name of a caller, as a token says it: it stands in the log, in ledgers and in reports. */
import { isPlain, PLAIN_RULE } from './plain-text.ts';

/** As long as OpenID Connect lets an issuer make one. It is stored with each number of a ledger. */
const LENGTH_MAX = 255;

export const SUBJECT_RULE = `1 to ${LENGTH_MAX} characters, ${PLAIN_RULE.toLowerCase()}`;

/** Whether it can be written down. */
export const isSubject = (text: string): boolean => text.length >= 1 && text.length <= LENGTH_MAX && isPlain(text);
