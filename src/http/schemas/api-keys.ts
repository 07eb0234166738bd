/** What the calls on API keys take and reply. */

import { z } from 'zod';
import { API_KEY_ID, type ApiKey } from '../../core/access/api-key.ts';
import { ACTIONS, readScopes } from '../../core/access/scopes.ts';
import { isPlain, PLAIN_RULE } from '../../core/plain-text.ts';
import { EXAMPLE, SAME_AS } from '../../core/schema-marks.ts';
import { instant } from './instant.ts';
import { nextCursor, pageQuery } from './page.ts';

const DAY_MS = 86_400_000;
const DAYS_MAX = 3_650;
const DAYS_DEFAULT = 90;
const NAME_LENGTH_MAX = 100;
const SCOPES_MAX = 50;
const SCOPE_LENGTH_MAX = 100;
const SCOPE_RULE = `One of ${ACTIONS.join(', ')}, each also narrowed: numbers:issue:INV, configs:write:SHOP-*`;
const DAYS_RULE = `A whole number from 1 to ${DAYS_MAX}, or null for never`;

const isScope = (text: string): boolean => !text.includes(' ') && readScopes(text).grants.length === 1;

const expiresInDays = z.int(DAYS_RULE).min(1, DAYS_RULE).max(DAYS_MAX, DAYS_RULE).nullable().optional();

export const apiKeyBody = z
  .strictObject({
    name: z
      .string()
      .normalize()
      .min(1)
      .max(NAME_LENGTH_MAX)
      .refine(isPlain, PLAIN_RULE)
      .describe('What people call it, such as the system that uses it.')
      .meta({ examples: ['web shop'] }),
    scopes: z
      .array(z.string().max(SCOPE_LENGTH_MAX).refine(isScope, SCOPE_RULE))
      .min(1)
      .max(SCOPES_MAX)
      .describe('What the key allows; nothing that its maker may not do.')
      .meta({ examples: [['numbers:issue:SHOP-*']] }),
    expiresInDays: expiresInDays.describe(
      `After how many days it expires, 1 to ${DAYS_MAX}, by default ${DAYS_DEFAULT}; null: never. One made by a key ends with that one.`,
    ),
    expires_in_days: expiresInDays.meta({ [SAME_AS]: 'expiresInDays' }),
  })
  .transform(({ name, scopes, expiresInDays: camel, expires_in_days: snake }, ctx) => {
    if (camel !== undefined && snake !== undefined && camel !== snake) {
      ctx.addIssue({
        code: 'custom',
        path: ['expires_in_days'],
        message: 'Given as expiresInDays too, with another value',
      });
    }
    const given = camel === undefined ? snake : camel;
    const days = given === undefined ? DAYS_DEFAULT : given;
    return { name, scopes: scopes.join(' '), validMs: days === null ? undefined : days * DAY_MS };
  })
  .meta({ id: 'ApiKeyRequest', [EXAMPLE]: { name: 'web shop', scopes: ['numbers:issue:SHOP-*'], expiresInDays: 90 } });

export const apiKeyParams = z.strictObject({ id: z.string().regex(API_KEY_ID, 'The id of an API key') });

export const apiKeysQuery = pageQuery(API_KEY_ID);

const fields = {
  id: z
    .string()
    .describe('Names the key; no secret.')
    .meta({ examples: ['9f86d081884c7d65'] }),
  name: z.string(),
  scopes: z.array(z.string()),
  createdAt: instant.describe('When it was made.'),
  createdBy: z.string().nullable().describe('Subject of the token, or api-key:<id>, that made it.'),
  expiresAt: instant.nullable().describe('null: never.'),
};

const apiKeyReply = z.object(fields).meta({ id: 'ApiKey' });

export const createdApiKeyReply = z
  .object({
    ...fields,
    key: z
      .string()
      .describe('The key itself. It is shown this once and stored nowhere: keep it.')
      .meta({ examples: ['ng_9f86d081884c7d65_6Q0bC0rVb3u5G1Yq3yYlq8m1mF7dYkq2nJp0sQw9aZc'] }),
  })
  .meta({ id: 'CreatedApiKey' });

export const apiKeysReply = z.object({ items: z.array(apiKeyReply), nextCursor }).meta({ id: 'ApiKeyPage' });

const toInstant = (ms: number): string => new Date(ms).toISOString();

export const toApiKeyReply = (key: ApiKey): z.output<typeof apiKeyReply> => ({
  id: key.id,
  name: key.name,
  scopes: key.scopes.split(' '),
  createdAt: toInstant(key.createdAtMs),
  createdBy: key.createdBy ?? null,
  expiresAt: key.expiresAtMs === undefined ? null : toInstant(key.expiresAtMs),
});
