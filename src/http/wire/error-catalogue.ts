/** Each error code over HTTP: its status, its title, and the sentence made from its parameters. */
import type { ErrorCode, ErrorParams, FieldProblem } from '../../core/error-params.ts';
import type { NumberGeneratorError } from '../../core/errors.ts';
import {
  sayCollision,
  sayCredentialFault,
  sayInternal,
  sayMissing,
  sayOverflow,
  sayRateLimit,
  sayRefusal,
  sayShare,
} from './error-texts.ts';

interface Row<Params> {
  readonly status: number;
  readonly title: string | ((params: Params) => string);
  readonly text: string | ((params: Params) => string);
  /** What is wrong with which field. */
  readonly fields?: (params: Params) => readonly FieldProblem[];
}

export interface Wording {
  readonly status: number;
  readonly title: string;
  readonly text: string;
  readonly fields: readonly FieldProblem[];
}

/** Complete: a new code does not compile until it has its row. */
const CATALOGUE: { readonly [Code in ErrorCode]: Row<ErrorParams[Code]> } = {
  VALIDATION_ERROR: {
    status: 400,
    title: 'Invalid request',
    text: ({ problems }) => problems.map(({ path, message }) => `${path}: ${message}`).join('; '),
    fields: ({ problems }) => problems,
  },
  INVALID_FORMAT: {
    status: 400,
    title: ({ fault }) => fault,
    text: ({ rule }) => rule,
    fields: ({ rule }) => [{ path: 'format', message: rule }],
  },
  INVALID_LENGTH: {
    status: 400,
    title: 'Sequence length must be 1 to 20',
    text: ({ rule }) => rule,
    fields: ({ rule }) => [{ path: 'format', message: rule }],
  },
  PREFIX_NOT_REGISTERED: {
    status: 404,
    title: 'Prefix not registered',
    text: ({ prefixKey }) =>
      `No prefix config is registered under "${prefixKey}". Register it with PUT /api/prefix-configs/${prefixKey}.`,
    fields: () => [{ path: 'prefixKey', message: 'Prefix not registered' }],
  },
  UNAUTHORIZED: { status: 401, title: 'Unauthorized', text: ({ fault }) => sayCredentialFault(fault) },
  FORBIDDEN: { status: 403, title: 'Forbidden', text: sayRefusal },
  NOT_FOUND: { status: 404, title: 'Not found', text: sayMissing },
  METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'Method not allowed',
    text: ({ method, methods }) => `${method} is not for this path; ${methods.join(', ')} may be.`,
  },
  MISDIRECTED_REQUEST: {
    status: 421,
    title: 'Misdirected request',
    text: 'With AUTH=off the service answers under the names of this machine only: localhost, 127.0.0.1, [::1].',
  },
  PREFIX_ALREADY_EXISTS: {
    status: 409,
    title: 'Prefix already exists',
    text: ({ prefixKey }) =>
      `A prefix config "${prefixKey}" is already registered. To change it, repeat the call with the header If-Match and its ETag.`,
  },
  FORMAT_COLLISION: {
    status: 409,
    title: 'Another prefix could print the same number',
    text: (collision) =>
      `${sayCollision(collision)} Choose a format with other letters or signs, best one that begins with {prefix}; or insist with "allowCollision": true.`,
    fields: (collision) => [{ path: 'format', message: sayCollision(collision) }],
  },
  RESERVATION_ENDED: {
    status: 409,
    title: 'Reservation has ended',
    text: ({ id, state }) => `The reservation "${id}" is ${state} already.`,
  },
  SEQUENCE_NOT_FORWARD: {
    status: 409,
    title: 'A sequence only moves forward',
    text: ({ prefixKey, current }) => `The sequence "${prefixKey}" stands at ${current}; "to" must be above that.`,
    fields: ({ current }) => [{ path: 'to', message: `Must be above ${current}` }],
  },
  SEQUENCE_OVERFLOW: { status: 409, title: 'Sequence exhausted', text: sayOverflow },
  PERIOD_CLOSED: {
    status: 409,
    title: 'Period is closed',
    text: ({ prefixKey, period }) => `The period ${period} of "${prefixKey}" is closed and gives no more numbers.`,
  },
  VERSION_CONFLICT: {
    status: 412,
    title: 'Prefix config was changed',
    text: ({ prefixKey }) =>
      `The prefix config "${prefixKey}" no longer has the version named in If-Match. Read it again and repeat the change.`,
  },
  IDEMPOTENCY_CONFLICT: {
    status: 422,
    title: 'Idempotency key was used with another request',
    text: 'This Idempotency-Key came with another request within the last 24 hours. Use a new key for a new request.',
  },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    title: 'Payload too large',
    text: 'The request body is larger than this call takes.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: 'Unsupported media type',
    text: 'Send the body as JSON, with the header Content-Type: application/json.',
  },
  RATE_LIMITED: { status: 429, title: 'Too many requests', text: sayRateLimit },
  QUOTA_EXCEEDED: { status: 429, title: 'Quota exceeded', text: sayShare },
  ISSUER_UNAVAILABLE: {
    status: 503,
    title: 'Token issuer unavailable',
    text: 'The keys of the token issuer cannot be had at the moment.',
  },
  STORAGE_UNAVAILABLE: { status: 503, title: 'Storage unavailable', text: ({ reason }) => reason },
  STORAGE_TIMEOUT: { status: 503, title: 'Storage timed out', text: ({ reason }) => reason },
  CLOCK_BEHIND: { status: 503, title: 'Clock is behind', text: ({ reason }) => reason },
  INTERNAL: { status: 500, title: 'Internal error', text: sayInternal },
};

const NO_FIELDS: readonly FieldProblem[] = [];

/** The texts of an error for the client. */
export const wordingOf = ({ code, params }: NumberGeneratorError): Wording => {
  // The error was made with the parameters of its code.
  const row = CATALOGUE[code] as Row<NumberGeneratorError['params']>;
  const say = (text: Row<NumberGeneratorError['params']>['text']): string =>
    typeof text === 'string' ? text : text(params);
  return { status: row.status, title: say(row.title), text: say(row.text), fields: row.fields?.(params) ?? NO_FIELDS };
};
