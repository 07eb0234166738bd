/** The headers that replies carry beside their body, as the API description shows them. */
import type { OpenAPIV3_1 } from 'openapi-types';
import { NUMBER_SOURCES } from '../../core/values/number-source.ts';

const text = (description: string, example?: string): OpenAPIV3_1.HeaderObject => ({
  description,
  schema: { type: 'string', ...(example !== undefined && { examples: [example] }) },
});

export const REPLY_HEADERS = {
  'Cache-Control': text('no-store: the reply is for this caller, now.', 'no-store'),
  'Content-Disposition': text('The name under which a CSV report is saved.'),
  ETag: text('The version of the config, in double quotes; send it back as If-Match to change the config.', '"1"'),
  Location: text('Where the new thing can be read or ended.'),
  'Retry-After': {
    description: 'Seconds to wait before the next attempt.',
    schema: { type: 'integer', minimum: 0, maximum: 86_400 },
  },
  Vary: text('Accept: the reply depends on it.', 'Accept'),
  'WWW-Authenticate': text('How callers show who they are.', 'Bearer'),
  'X-Number-Source': {
    description: 'Where the numbers came from: the counter, a range held ready for an outage, or nowhere (temporary).',
    schema: { type: 'string', enum: [...NUMBER_SOURCES] },
  },
} satisfies Readonly<Record<string, OpenAPIV3_1.HeaderObject>>;

export type ReplyHeader = keyof typeof REPLY_HEADERS;

/** Where `plugins/openapi.ts` finds what a call says with `sends`. */
export const SENDS = 'x-sends';

/** Spread it into the schema of a call: which headers its replies of a status carry. */
export const sends = (headers: Readonly<Record<number, readonly ReplyHeader[]>>): Record<string, unknown> => ({
  [SENDS]: headers,
});

/** What problems of a status carry, whatever the call. */
export const PROBLEM_HEADERS: Readonly<Record<string, readonly ReplyHeader[]>> = {
  401: ['WWW-Authenticate'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};
