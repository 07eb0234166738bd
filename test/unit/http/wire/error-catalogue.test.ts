/** What a client reads of each error: the status, the title and the sentence, word by word. */
import { describe, expect, test } from 'vitest';
import { ERROR_CODES, type ErrorContent } from '../../../../src/core/error-params.ts';
import { NumberGeneratorError } from '../../../../src/core/errors.ts';
import { wordingOf } from '../../../../src/http/wire/error-catalogue.ts';

const WORDED: readonly (readonly [ErrorContent, status: number, title: string, text: string])[] = [
  [
    { code: 'VALIDATION_ERROR', params: { problems: [{ path: 'count', message: 'Too many' }] } },
    ...([400, 'Invalid request', 'count: Too many'] as const),
  ],
  [
    { code: 'INVALID_FORMAT', params: { fault: 'Unbalanced braces', rule: 'Every { needs its }' } },
    ...([400, 'Unbalanced braces', 'Every { needs its }'] as const),
  ],
  [
    { code: 'INVALID_LENGTH', params: { rule: 'N from 1 to 20' } },
    ...([400, 'Sequence length must be 1 to 20', 'N from 1 to 20'] as const),
  ],
  [
    { code: 'PREFIX_NOT_REGISTERED', params: { prefixKey: 'A' } },
    ...([404, 'Prefix not registered'] as const),
    'No prefix config is registered under "A". Register it with PUT /api/prefix-configs/A.',
  ],
  [
    { code: 'UNAUTHORIZED', params: { fault: { kind: 'claim', claim: 'sub' }, hadToken: true } },
    ...([401, 'Unauthorized', 'The token is not valid: it needs the claim sub.'] as const),
  ],
  [
    { code: 'UNAUTHORIZED', params: { fault: { kind: 'two' }, hadToken: true } },
    ...([401, 'Unauthorized', 'Send a token or an API key, not both.'] as const),
  ],
  [
    { code: 'FORBIDDEN', params: { kind: 'scope', action: 'numbers:issue' } },
    ...([403, 'Forbidden', 'This call needs the scope numbers:issue.'] as const),
  ],
  [
    { code: 'FORBIDDEN', params: { kind: 'scope', action: 'numbers:issue', prefixKey: 'INV' } },
    ...([403, 'Forbidden', 'This call needs the scope numbers:issue, or numbers:issue:INV.'] as const),
  ],
  [
    { code: 'FORBIDDEN', params: { kind: 'reserved-by-another', prefixKey: 'INV' } },
    ...([403, 'Forbidden'] as const),
    'Somebody else reserved this number: to end it takes the scope sequences:admin:INV.',
  ],
  [
    { code: 'NOT_FOUND', params: { kind: 'route', method: 'GET' } },
    ...([404, 'Not found', 'There is no GET call at this path; see /docs.'] as const),
  ],
  [
    { code: 'NOT_FOUND', params: { kind: 'reservation', id: 'r1' } },
    ...([404, 'Not found', 'There is no reservation "r1".'] as const),
  ],
  [
    { code: 'METHOD_NOT_ALLOWED', params: { method: 'PATCH', methods: ['GET', 'PUT'] } },
    ...([405, 'Method not allowed', 'PATCH is not for this path; GET, PUT may be.'] as const),
  ],
  [
    { code: 'MISDIRECTED_REQUEST', params: {} },
    ...([421, 'Misdirected request'] as const),
    'With AUTH=off the service answers under the names of this machine only: localhost, 127.0.0.1, [::1].',
  ],
  [
    { code: 'PREFIX_ALREADY_EXISTS', params: { prefixKey: 'INV' } },
    ...([409, 'Prefix already exists'] as const),
    'A prefix config "INV" is already registered. To change it, repeat the call with the header If-Match and its ETag.',
  ],
  [
    {
      code: 'FORMAT_COLLISION',
      params: {
        ...({ kind: 'meets', prefixKey: 'B', text: 'A1001' } as const),
        other: { prefixKey: 'A', format: 'A{SEQ:4}', before: false },
      },
    },
    ...([409, 'Another prefix could print the same number'] as const),
    '"B" and "A" (A{SEQ:4}) could both print A1001. Choose a format with other letters or signs, best one that begins with {prefix}; or insist with "allowCollision": true.',
  ],
  [
    { code: 'RESERVATION_ENDED', params: { id: 'r1', state: 'void' } },
    ...([409, 'Reservation has ended', 'The reservation "r1" is void already.'] as const),
  ],
  [
    { code: 'SEQUENCE_NOT_FORWARD', params: { prefixKey: 'INV', current: 41n } },
    ...([409, 'A sequence only moves forward', 'The sequence "INV" stands at 41; "to" must be above that.'] as const),
  ],
  [
    { code: 'SEQUENCE_OVERFLOW', params: { prefixKey: 'INV', valuesLeft: 0n } },
    ...([409, 'Sequence exhausted', 'The sequence "INV" has no values left.'] as const),
  ],
  [
    { code: 'PERIOD_CLOSED', params: { prefixKey: 'INV', period: '2026' } },
    ...([409, 'Period is closed', 'The period 2026 of "INV" is closed and gives no more numbers.'] as const),
  ],
  [
    { code: 'VERSION_CONFLICT', params: { prefixKey: 'INV' } },
    ...([412, 'Prefix config was changed'] as const),
    'The prefix config "INV" no longer has the version named in If-Match. Read it again and repeat the change.',
  ],
  [
    { code: 'IDEMPOTENCY_CONFLICT', params: {} },
    ...([422, 'Idempotency key was used with another request'] as const),
    'This Idempotency-Key came with another request within the last 24 hours. Use a new key for a new request.',
  ],
  [
    { code: 'PAYLOAD_TOO_LARGE', params: {} },
    ...([413, 'Payload too large', 'The request body is larger than this call takes.'] as const),
  ],
  [
    { code: 'UNSUPPORTED_MEDIA_TYPE', params: {} },
    ...([415, 'Unsupported media type'] as const),
    'Send the body as JSON, with the header Content-Type: application/json.',
  ],
  [
    { code: 'RATE_LIMITED', params: { perSecond: 100, numbers: 1 } },
    ...([429, 'Too many requests', 'More than 100 requests in a second. Try again a second later.'] as const),
  ],
  [
    { code: 'RATE_LIMITED', params: { perSecond: 100, numbers: 101 } },
    ...([429, 'Too many requests'] as const),
    'Without a token or an API key each number counts as a request, and only 100 may come in a second: ask for fewer at once.',
  ],
  [
    { code: 'QUOTA_EXCEEDED', params: { kind: 'reservations', max: 10, prefixKey: 'INV' } },
    ...([429, 'Quota exceeded'] as const),
    'This caller has 10 reservations of "INV" open, as many as it may (RESERVATIONS_MAX, without a token or a key OPEN_RESERVATIONS_MAX): confirm or void one first.',
  ],
  [
    { code: 'QUOTA_EXCEEDED', params: { kind: 'reports', max: 4, prefixKey: undefined } },
    ...([429, 'Quota exceeded'] as const),
    '4 reports of this caller are being written on this node: read one to its end first.',
  ],
  [
    { code: 'ISSUER_UNAVAILABLE', params: {} },
    ...([503, 'Token issuer unavailable', 'The keys of the token issuer cannot be had at the moment.'] as const),
  ],
  [
    { code: 'STORAGE_UNAVAILABLE', params: { reason: 'Redis cannot serve at the moment.' } },
    ...([503, 'Storage unavailable', 'Redis cannot serve at the moment.'] as const),
  ],
  [{ code: 'STORAGE_TIMEOUT', params: { reason: 'Late.' } }, 503, 'Storage timed out', 'Late.'],
  [{ code: 'CLOCK_BEHIND', params: { reason: '1970.' } }, 503, 'Clock is behind', '1970.'],
  [
    { code: 'INTERNAL', params: { kind: 'entry', prefixKey: 'INV' } },
    ...([500, 'Internal error', 'What is stored for "INV" cannot be used. The log says why.'] as const),
  ],
];

test.each(WORDED)('%o', (content, status, title, text) => {
  expect(wordingOf(new NumberGeneratorError(content))).toMatchObject({ status, title, text });
});

test('every code is worded above', () => {
  expect([...new Set(WORDED.map(([{ code }]) => code))].sort()).toEqual([...ERROR_CODES].sort());
});

describe('the fields of a reply', () => {
  const OTHER = { prefixKey: 'A', format: 'A{SEQ:4}', before: true };
  test.each<readonly [ErrorContent, readonly object[]]>([
    [
      { code: 'PREFIX_NOT_REGISTERED', params: { prefixKey: 'A' } },
      [{ path: 'prefixKey', message: 'Prefix not registered' }],
    ],
    [{ code: 'INVALID_LENGTH', params: { rule: 'N from 1 to 20' } }, [{ path: 'format', message: 'N from 1 to 20' }]],
    [
      { code: 'SEQUENCE_NOT_FORWARD', params: { prefixKey: 'INV', current: 41n } },
      [{ path: 'to', message: 'Must be above 41' }],
    ],
    [
      { code: 'FORMAT_COLLISION', params: { kind: 'undecided', prefixKey: 'B', other: OTHER } },
      [
        {
          path: 'format',
          message:
            'It would take too long to decide whether "B" and "A", as it was numbered before (A{SEQ:4}), could print the same number.',
        },
      ],
    ],
    [
      { code: 'FORMAT_COLLISION', params: { kind: 'meets', prefixKey: 'B', other: undefined, text: 'A1' } },
      [{ path: 'format', message: '"B" and another prefix, which you may not read, could both print A1.' }],
    ],
    [{ code: 'PERIOD_CLOSED', params: { prefixKey: 'INV', period: '2026' } }, []],
  ])('%o', (content, fields) => {
    expect(wordingOf(new NumberGeneratorError(content)).fields).toEqual(fields);
  });
});

test('the last value of a series is one value', () => {
  const { text } = wordingOf(
    new NumberGeneratorError({ code: 'SEQUENCE_OVERFLOW', params: { prefixKey: 'INV', valuesLeft: 1n } }),
  );
  expect(text).toBe('The sequence "INV" has only 1 value left, fewer than asked for.');
});
