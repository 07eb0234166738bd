/** Tokens whose signature was checked lately: checking one costs as much as a tenth of a reply, and callers send the same one each time. */
import { putBounded } from '../core/bounded-map.ts';

export interface VerifiedTokens<Principal> {
  /** What the token says, while it has not expired and was verified less than a minute ago. */
  find(token: string, nowMs: number): Principal | undefined;
  /** @param expiresAtMs ms since 1970-01-01T00:00:00Z; Infinity when the token never expires. */
  keep(token: string, principal: Principal, expiresAtMs: number, nowMs: number): void;
}

/** So much longer than it should a token may be taken when its key was withdrawn, ms. */
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
