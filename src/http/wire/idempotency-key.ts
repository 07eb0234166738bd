/** Reads the header Idempotency-Key and identifies its request; the key itself is neither stored nor logged. */
import { hash } from 'node:crypto';
import type { preHandlerHookHandler, RouteOptions } from 'fastify';
import { parseItem } from 'structured-headers';
import { ValidationError } from '../../core/errors.ts';
import type { RequestIdentity } from '../../core/values/receipt.ts';

const HEADER = 'Idempotency-Key';
const RULE =
  '1 to 255 printable ASCII characters, in double quotes, or without when there is no space, comma, semicolon, quote or backslash';

/** Most clients send it so, although the draft demands quotes. */
const BARE = /^[!#-+\--:<-[\]-~]{1,255}$/;
const KEY = /^[ -~]{1,255}$/;

const readQuoted = (text: string): string | undefined => {
  try {
    const [value] = parseItem(text);
    return typeof value === 'string' && KEY.test(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Reads the key after draft-ietf-httpapi-idempotency-key-header, or as a bare word; `"a"` and `a` are the same key.
 * @returns undefined when none was sent. @throws ValidationError when it is malformed, or sent twice.
 */
export const readIdempotencyKey = (header: string | string[] | undefined): string | undefined => {
  if (header === undefined) return undefined;
  const text = String(header);
  const key = BARE.test(text) ? text : readQuoted(text);
  if (key === undefined) throw new ValidationError([{ path: HEADER, message: RULE }]);
  return key;
};

/** The parts of a request that a repetition must repeat. */
export interface Payload {
  readonly prefixKey: string;
  readonly count?: number | undefined;
  readonly variables?: Readonly<Record<string, string>> | undefined;
  readonly date?: string | undefined;
}

const sorted = (variables: Payload['variables']): unknown =>
  Object.entries(variables ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));

const identify = (key: string, caller: string | undefined, asked: readonly unknown[]): RequestIdentity => ({
  hash: hash('sha256', JSON.stringify([caller ?? null, key])),
  fingerprint: hash('sha256', JSON.stringify(asked)),
});

/** @param caller its subject, undefined for a stranger: two callers with the same key do not collide. */
export const identifyRequest = (key: string, caller: string | undefined, payload: Payload): RequestIdentity =>
  identify(key, caller, [payload.prefixKey, payload.count ?? null, sorted(payload.variables), payload.date ?? null]);

/** The same for a reservation: never the same request as one for numbers. */
export const identifyReservation = (
  key: string,
  caller: string | undefined,
  { prefixKey, ttlMs, variables }: Pick<Payload, 'prefixKey' | 'variables'> & { readonly ttlMs: number },
): RequestIdentity => identify(key, caller, ['reservation', prefixKey, ttlMs, sorted(variables)]);

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * How a POST treats the header. `honoured`: a repetition gets the first reply. `needless`: it may be repeated
     * anyway, or changes nothing. Default: a request with it is refused, because its sender relies on it.
     */
    idempotencyKey?: 'honoured' | 'needless';
  }
}

/** For the hook `onRoute`: makes each POST refuse the header, unless its `config` allows it. */
export const refuseIgnoredKeys = (route: RouteOptions): void => {
  if (![route.method].flat().includes('POST') || route.config?.idempotencyKey !== undefined) return;
  const refuse: preHandlerHookHandler = (request, _reply, done) => {
    const message = 'This call ignores the key: send it without, and check the outcome before you repeat it';
    const sent = request.headers['idempotency-key'] !== undefined;
    done(sent ? new ValidationError([{ path: HEADER, message }]) : undefined);
  };
  // After the guards: a missing permission is reported first.
  route.preHandler = [...[route.preHandler ?? []].flat(), refuse];
};
