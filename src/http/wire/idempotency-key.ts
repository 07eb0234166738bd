/** The header Idempotency-Key, and what is made of it: the key itself is neither kept nor logged. */
import { hash } from 'node:crypto';
import type { preHandlerHookHandler, RouteOptions } from 'fastify';
import { parseItem } from 'structured-headers';
import { ValidationError } from '../../core/errors.ts';
import type { RequestIdentity } from '../../core/values/receipt.ts';

const HEADER = 'Idempotency-Key';
const RULE =
  '1 to 255 printable ASCII characters, in double quotes, or without when there is no space, comma, semicolon, quote or backslash';

/** What most clients send, though the draft asks for quotes. */
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

/** What a request asks for, as far as a repetition must ask for the same. */
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

/** @param caller subject of the token, undefined for anonymous ones: two callers with the same key do not meet. */
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
     * What a POST makes of the header. `honoured`: a repetition is answered as the first time. `needless`: it may be repeated
     * anyway, or changes nothing. Default: a request with it is refused, for whoever sends it relies on it.
     */
    idempotencyKey?: 'honoured' | 'needless';
  }
}

/** For the hook `onRoute`: has each POST refuse the header, unless its `config` says what it makes of it. */
export const refuseUnheededKeys = (route: RouteOptions): void => {
  if (![route.method].flat().includes('POST') || route.config?.idempotencyKey !== undefined) return;
  const refuse: preHandlerHookHandler = (request, _reply, done) => {
    const message = 'This call does not heed the key: send it without, and look before you repeat it';
    const sent = request.headers['idempotency-key'] !== undefined;
    done(sent ? new ValidationError([{ path: HEADER, message }]) : undefined);
  };
  // Behind the guards: who may not call is told that first.
  route.preHandler = [...[route.preHandler ?? []].flat(), refuse];
};
