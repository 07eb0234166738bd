/** An identified caller, and what is wrong with a credential that identifies none. */
import { isSubjectOfApiKey } from '../core/access/api-key.ts';
import { type Grant, readScopes } from '../core/access/scopes.ts';
import { isSubject } from '../core/subject.ts';

export interface Principal {
  readonly grants: readonly Grant[];
  readonly subject: string | undefined;
  /** The name under which requests are counted: keys that a key made count as that key's caller. */
  readonly countedAs: string | undefined;
  /** ms since 1970-01-01T00:00:00Z; Infinity when the credential is looked up each time. */
  readonly expiresAtMs: number;
}

/** A credential that identifies no caller; the code is for the log, and for the transport that words it. */
export class CredentialError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.name = 'CredentialError';
    this.code = code;
  }
}

/**
 * The principal of a verified token. @throws CredentialError when its subject is missing, names an API key or is not
 * plain text, or when it never expires.
 */
export const principalOf = ({ scope, sub, exp }: { scope?: unknown; sub?: unknown; exp?: unknown }): Principal => {
  // Callers without a name would share their idempotency keys, and be counted as one.
  if (typeof sub !== 'string' || sub === '') throw new CredentialError('CLAIM_SUB_MISSING');
  if (typeof exp !== 'number') throw new CredentialError('CLAIM_EXP_MISSING');
  if (isSubjectOfApiKey(sub)) throw new CredentialError('SUBJECT_RESERVED');
  if (!isSubject(sub)) throw new CredentialError('SUBJECT_NOT_PLAIN');
  return {
    grants: readScopes(typeof scope === 'string' ? scope : '').grants,
    subject: sub,
    countedAs: sub,
    expiresAtMs: exp * 1_000,
  };
};
