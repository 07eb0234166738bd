/**
 * Remembers tokens whose signature was verified lately: verifying is expensive, and callers send the same token each
 * time.
 */
import { putBounded } from '../core/bounded-map.ts';

export interface VerifiedTokens<Principal> {
  /** The principal of a token that has not expired and was verified less than a minute ago. */
  find(token: string, nowMs: number): Principal | undefined;
  /** @param expiresAtMs ms since 1970-01-01T00:00:00Z; Infinity when the token never expires. */
  keep(token: string, principal: Principal, expiresAtMs: number, nowMs: number): void;
}

/** How long a token may still be accepted after its key was withdrawn, ms. */
const AGE_MAX_MS = 60_000;
const TOKENS_MAX = 1_000;

export const createVerifiedTokens = <Principal>(): VerifiedTokens<Principal> => {
  const kept = new Map<string, { readonly principal: Principal; readonly untilMs: number }>();
  return {
    find: (token, nowMs) => {
      const entry = kept.get(token);
      if (entry === undefined) return undefined;
      if (nowMs < entry.untilMs) return entry.principal;
      kept.delete(token);
      return undefined;
    },
    keep: (token, principal, expiresAtMs, nowMs) => {
      putBounded(kept, token, { principal, untilMs: Math.min(expiresAtMs, nowMs + AGE_MAX_MS) }, TOKENS_MAX);
    },
  };
};
