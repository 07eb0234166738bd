/** Asks every registered route of a server the same kind of question. */
import type { FastifyInstance } from 'fastify';
import type { KnownRoute } from '../../src/http/plugins/known-routes.ts';
import { adminToken } from './app.ts';

/** What stands for the parameters of a path: nothing that exists, but all of it well formed. */
const PARAMS: Readonly<Record<string, string>> = {
  prefixKey: 'WALK',
  period: '2020',
  number: 'TMP-WALK-1-1-1',
};
const IDS: Readonly<Record<string, string>> = {
  'api-keys': '0123456789abcdef',
  reservations: '00000000-0000-4000-8000-000000000000',
  snowflakes: '1',
};
/** Bodies of the calls whose query is looked at only when the body is in order. */
const BODIES: Readonly<Record<string, unknown>> = { '/templates/validate': { format: 'W-{SEQ:3}' } };

const addressOf = (url: string): string =>
  url
    .replace(/([a-z-]+)\/:id/, (_match, kind: string) => `${kind}/${IDS[kind] ?? 'id'}`)
    .replace(/:([A-Za-z]+)/g, (_match, name: string) => PARAMS[name] ?? name)
    .replace('*', 'index.html');

const bodyOf = (url: string): unknown => Object.entries(BODIES).find(([end]) => url.endsWith(end))?.[1];

export interface WalkedReply {
  readonly route: string;
  readonly status: number;
  /** The fields that the reply names as wrong. */
  readonly named: readonly string[];
}

/** @returns what each route answers, asked as an administrator; OPTIONS is left out, which acts on nothing. */
export const walkRoutes = async (
  server: FastifyInstance,
  ask: { readonly query?: string; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> },
): Promise<readonly WalkedReply[]> => {
  const walked: WalkedReply[] = [];
  for (const { method, url } of server.knownRoutes.filter((route: KnownRoute) => route.method !== 'OPTIONS')) {
    const body = ask.body ?? (method === 'POST' ? bodyOf(url) : undefined);
    const reply = await server.inject({
      method: method as 'GET',
      url: `${addressOf(url)}${ask.query ?? ''}`,
      headers: {
        authorization: `Bearer ${adminToken}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...ask.headers,
      },
      ...(body !== undefined && { payload: JSON.stringify(body) }),
    });
    const errors: readonly { path: string }[] = reply.body.startsWith('{') ? (reply.json().errors ?? []) : [];
    walked.push({ route: `${method} ${url}`, status: reply.statusCode, named: errors.map(({ path }) => path) });
  }
  return walked;
};
