/** API keys: their form, and what is stored of them. The key itself is shown once and not stored. */
import { z } from 'zod';

export interface ApiKey {
  /** Names the key in lists, logs and revocations; it is no secret. */
  readonly id: string;
  /** SHA-256 of the whole key, in hex. A key has 256 random bits, so there is nothing to guess or to salt. */
  readonly hash: string;
  /** A name for people. */
  readonly name: string;
  /** Scopes separated by spaces. */
  readonly scopes: string;
  /** ms since 1970-01-01T00:00:00Z. */
  readonly createdAtMs: number;
  /** Subject of the caller that made it; undefined without authentication. */
  readonly createdBy: string | undefined;
  /** ms since 1970-01-01T00:00:00Z; undefined: it never expires. */
  readonly expiresAtMs: number | undefined;
}

export const API_KEY_ID = /^[0-9a-f]{16}$/;
export const API_KEY_ID_BYTES = 8;
export const API_KEY_SECRET_BYTES = 32;

/** Begins with a name that scanners of repositories can look for. */
const KEY = /^ng_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/;

/** @param secret 32 random bytes in base64url. */
export const formatApiKey = (id: string, secret: string): string => `ng_${id}_${secret}`;

/** The id in a key; undefined for a text that cannot be a key, which needs no lookup. */
export const idOfApiKey = (key: string): string | undefined => KEY.exec(key)?.[1];

/**
 * The prefix of subjects of API keys, in logs and ledgers and for idempotency keys; no token may have such a subject.
 */
const SUBJECT_PREFIX = 'api-key:';

export const subjectOfApiKey = (id: string): string => `${SUBJECT_PREFIX}${id}`;

/** The id of the key that a subject names; undefined for other subjects. */
export const apiKeyIdOf = (subject: string | undefined): string | undefined =>
  subject?.startsWith(SUBJECT_PREFIX) ? subject.slice(SUBJECT_PREFIX.length) : undefined;

export const isSubjectOfApiKey = (subject: string): boolean => subject.startsWith(SUBJECT_PREFIX);

const storedSchema = z.object({
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  name: z.string(),
  scopes: z.string(),
  created_at_ms: z.number(),
  created_by: z.string().optional(),
  expires_at_ms: z.number().optional(),
});

/** As the stores keep it, under its id. */
export const encodeStoredApiKey = ({ hash, name, scopes, createdAtMs, createdBy, expiresAtMs }: ApiKey): string =>
  JSON.stringify({
    hash,
    name,
    scopes,
    created_at_ms: createdAtMs,
    created_by: createdBy,
    expires_at_ms: expiresAtMs,
  });

/** @returns undefined for what cannot be read: such an entry opens nothing. */
export const decodeStoredApiKey = (id: string, json: string): ApiKey | undefined => {
  try {
    const stored = storedSchema.parse(JSON.parse(json));
    const { hash, name, scopes } = stored;
    return {
      ...{ id, hash, name, scopes },
      createdAtMs: stored.created_at_ms,
      createdBy: stored.created_by,
      expiresAtMs: stored.expires_at_ms,
    };
  } catch {
    return undefined;
  }
};
