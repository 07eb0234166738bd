/** Every error a caller of the service can meet: one code each, and one class for each that is thrown. */

import { counted } from './counted.ts';

/** What is wrong with one field of a request. `path` names the field as the client spelt it. */
export interface FieldProblem {
  readonly path: string;
  readonly message: string;
}

/** The stable codes; `http/plugins/errors.ts` gives each its HTTP status. */
export const ERROR_CODES = [
  'VALIDATION_ERROR',
  'INVALID_FORMAT',
  'INVALID_LENGTH',
  'PREFIX_NOT_REGISTERED',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'MISDIRECTED_REQUEST',
  'PREFIX_ALREADY_EXISTS',
  'FORMAT_COLLISION',
  'RESERVATION_ENDED',
  'SEQUENCE_NOT_FORWARD',
  'SEQUENCE_OVERFLOW',
  'PERIOD_CLOSED',
  'VERSION_CONFLICT',
  'IDEMPOTENCY_CONFLICT',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'RATE_LIMITED',
  'QUOTA_EXCEEDED',
  'ISSUER_UNAVAILABLE',
  'STORAGE_UNAVAILABLE',
  'STORAGE_TIMEOUT',
  'CLOCK_BEHIND',
  'INTERNAL',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

interface Details {
  /** One entry per field that is wrong. */
  readonly fields?: readonly FieldProblem[];
  /** The internal reason: for the log, never for the client. */
  readonly cause?: unknown;
}

/** The base class. `title` and `message` go to the client; `cause` stays inside. */
export class NumberGeneratorError extends Error {
  readonly code: ErrorCode;
  readonly title: string;
  readonly fields: readonly FieldProblem[];

  constructor(code: ErrorCode, title: string, message: string, details: Details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.title = title;
    this.fields = details.fields ?? [];
  }
}

/** So many are told; who has more to mend mends these first. */
const PROBLEMS_MAX = 100;
const PATH_LENGTH_MAX = 200;

const shorten = (path: string): string => (path.length > PATH_LENGTH_MAX ? `${path.slice(0, PATH_LENGTH_MAX)}…` : path);

/** What of them is replied: a request must not be answered by more than it was. */
const boundProblems = (problems: readonly FieldProblem[]): FieldProblem[] => {
  const told = problems.slice(0, PROBLEMS_MAX).map(({ path, message }) => ({ path: shorten(path), message }));
  const more = problems.length - told.length;
  return more === 0 ? told : [...told, { path: 'request', message: `And ${more} more problems` }];
};

/** The request does not fit its schema; `fields` says where. */
export class ValidationError extends NumberGeneratorError {
  constructor(problems: readonly FieldProblem[]) {
    const fields = boundProblems(problems);
    const where = fields.map((field) => `${field.path}: ${field.message}`).join('; ');
    super('VALIDATION_ERROR', 'Invalid request', where, { fields });
  }
}

/** What can be wrong with a template, as the stable title of the problem. */
export type FormatFault =
  | 'Missing {SEQ} tag'
  | 'More than one {SEQ} tag'
  | '{SEQ} tag needs a length'
  | 'Unbalanced braces'
  | 'Unknown variable'
  | 'Check digit before {SEQ}'
  | 'Character not allowed'
  | 'Format is too long';

/** The template cannot be compiled. */
export class InvalidFormatError extends NumberGeneratorError {
  constructor(fault: FormatFault, message: string) {
    super('INVALID_FORMAT', fault, message, { fields: [{ path: 'format', message }] });
  }
}

/** The `N` of `{SEQ:N}` is not 1 to 20. */
export class InvalidLengthError extends NumberGeneratorError {
  constructor(message: string) {
    super('INVALID_LENGTH', 'Sequence length must be 1 to 20', message, {
      fields: [{ path: 'format', message }],
    });
  }
}

/** Nobody registered this prefix key. */
export class PrefixNotRegisteredError extends NumberGeneratorError {
  constructor(prefixKey: string) {
    super(
      'PREFIX_NOT_REGISTERED',
      'Prefix not registered',
      `No prefix config is registered under "${prefixKey}". Register it with PUT /api/prefix-configs/${prefixKey}.`,
      { fields: [{ path: 'prefixKey', message: 'Prefix not registered' }] },
    );
  }
}

/** A registration met a prefix config that is already there. */
export class PrefixAlreadyExistsError extends NumberGeneratorError {
  constructor(prefixKey: string) {
    super(
      'PREFIX_ALREADY_EXISTS',
      'Prefix already exists',
      `A prefix config "${prefixKey}" is already registered. To change it, repeat the call with the header If-Match and its ETag.`,
    );
  }
}

/** Another prefix could print a number of this format, or it cannot be told that none could; `reason` is a sentence that says which. */
export class FormatCollisionError extends NumberGeneratorError {
  constructor(reason: string) {
    super(
      'FORMAT_COLLISION',
      'Another prefix could print the same number',
      `${reason} Choose a format with other letters or signs, best one that begins with {prefix}; or insist with "allowCollision": true.`,
      { fields: [{ path: 'format', message: reason }] },
    );
  }
}

/** A conditional change named a version that is no longer the current one. */
export class VersionConflictError extends NumberGeneratorError {
  constructor(prefixKey: string) {
    super(
      'VERSION_CONFLICT',
      'Prefix config was changed',
      `The prefix config "${prefixKey}" no longer has the version named in If-Match. Read it again and repeat the change.`,
    );
  }
}

/** The Idempotency-Key came before, with a request that asked for something else; nothing was taken. */
export class IdempotencyConflictError extends NumberGeneratorError {
  constructor() {
    super(
      'IDEMPOTENCY_CONFLICT',
      'Idempotency key was used with another request',
      'This Idempotency-Key came with another request within the last 24 hours. Use a new key for a new request.',
    );
  }
}

/** The sequence has fewer values left than were asked for; nothing was taken. */
export class SequenceOverflowError extends NumberGeneratorError {
  constructor(prefixKey: string, valuesLeft: bigint) {
    super(
      'SEQUENCE_OVERFLOW',
      'Sequence exhausted',
      valuesLeft === 0n
        ? `The sequence "${prefixKey}" has no values left.`
        : `The sequence "${prefixKey}" has only ${counted(valuesLeft, 'value')} left, fewer than asked for.`,
    );
  }
}

/** An advance to a value at or below the current one: it would repeat numbers. */
export class SequenceNotForwardError extends NumberGeneratorError {
  constructor(prefixKey: string, current: bigint) {
    super(
      'SEQUENCE_NOT_FORWARD',
      'A sequence only moves forward',
      `The sequence "${prefixKey}" stands at ${current}; "to" must be above that.`,
      { fields: [{ path: 'to', message: `Must be above ${current}` }] },
    );
  }
}

/** The period was closed: no number of it is handed out any more. */
export class PeriodClosedError extends NumberGeneratorError {
  constructor(prefixKey: string, period: string) {
    super(
      'PERIOD_CLOSED',
      'Period is closed',
      `The period ${period} of "${prefixKey}" is closed and gives no more numbers.`,
    );
  }
}

/** Nobody was ever given this temporary number, or it was not handed over yet. */
export class TemporaryNumberNotFoundError extends NumberGeneratorError {
  constructor(number: string) {
    super(
      'NOT_FOUND',
      'Not found',
      `No temporary number "${number}" is waiting. The node that issued it hands it over when it reaches the store.`,
    );
  }
}

/** The strategy of the prefix has no counter that could be looked at or moved. */
export class NoCounterError extends NumberGeneratorError {
  constructor(prefixKey: string, strategy: string) {
    super(
      'NOT_FOUND',
      'Not found',
      `The prefix "${prefixKey}" is numbered by ${strategy}, which has no counter: every number comes from the clock of a node.`,
    );
  }
}

/** There is no API key of this id, or no more. */
export class ApiKeyNotFoundError extends NumberGeneratorError {
  constructor(id: string) {
    super('NOT_FOUND', 'Not found', `There is no API key "${id}".`);
  }
}

/** Nobody was ever given this reservation. */
export class ReservationNotFoundError extends NumberGeneratorError {
  constructor(id: string) {
    super('NOT_FOUND', 'Not found', `There is no reservation "${id}".`);
  }
}

/** The reservation has ended in another way than the one that was asked for. */
export class ReservationEndedError extends NumberGeneratorError {
  constructor({ id, state }: { readonly id: string; readonly state: string }) {
    super('RESERVATION_ENDED', 'Reservation has ended', `The reservation "${id}" is ${state} already.`);
  }
}

/** The store cannot be reached, or the waiting line before it is full. Nothing was promised; try again later. */
export class StorageUnavailableError extends NumberGeneratorError {
  constructor(message: string, cause?: unknown) {
    super('STORAGE_UNAVAILABLE', 'Storage unavailable', message, { cause });
  }
}

/** The ledger of a sequence is older than it was: numbers may have been issued that it does not know. */
export class LedgerBehindError extends StorageUnavailableError {
  constructor(prefixKey: string, period: string) {
    const of = period === '' ? `"${prefixKey}"` : `"${prefixKey}", period ${period},`;
    super(
      `The ledger of ${of} went back to an earlier state, as by restoring a backup: numbers may have been issued that it does not know. An operator has to move the sequence past them, then run the command repair.`,
    );
  }
}

/** The store did not answer in time: whether it acted is unknown. */
export class StorageTimeoutError extends NumberGeneratorError {
  constructor(message: string, cause?: unknown) {
    super('STORAGE_TIMEOUT', 'Storage timed out', message, { cause });
  }
}

/** The store is being prepared, as at the first start of a version: it serves in a moment, and nothing is wrong. */
export class StorePreparingError extends StorageTimeoutError {}

/** The clock of this machine cannot be right, and the answer would depend on it. */
export class ClockBehindError extends NumberGeneratorError {
  constructor(problem: string) {
    super('CLOCK_BEHIND', 'Clock is behind', problem);
  }
}

/** Whether the store failed as a whole: it was not reached, or did not answer in time. */
export const isStoreFailure = (error: unknown): boolean =>
  error instanceof StorageUnavailableError || error instanceof StorageTimeoutError;

/** The store refused the data of a call, which did nothing; it is there, and serves others. */
export class DataRefusedError extends NumberGeneratorError {
  constructor(cause?: unknown) {
    super('INTERNAL', 'Internal error', 'The store cannot keep what this request says. The log says why.', { cause });
  }
}

/** What the store holds for one prefix (its config or its counter) cannot be read; other prefixes are not touched. */
export class CorruptEntryError extends NumberGeneratorError {
  constructor(prefixKey: string, reason: string) {
    super('INTERNAL', 'Internal error', `What is stored for "${prefixKey}" cannot be used. The log says why.`, {
      cause: reason,
    });
  }
}

/** No token, or one that does not verify. */
export class UnauthorizedError extends NumberGeneratorError {
  /** Whether there was a token, which the reply says something about. */
  readonly hadToken: boolean;

  constructor(message: string, hadToken = false) {
    super('UNAUTHORIZED', 'Unauthorized', message);
    this.hadToken = hadToken;
  }
}

/** Nothing is at this path. */
export class NotFoundError extends NumberGeneratorError {
  constructor(method: string) {
    super('NOT_FOUND', 'Not found', `There is no ${method} call at this path; see /docs.`);
  }
}

/** The path is right, the method is not. */
export class MethodNotAllowedError extends NumberGeneratorError {
  constructor(method: string, methods: readonly string[]) {
    super('METHOD_NOT_ALLOWED', 'Method not allowed', `${method} is not for this path; ${methods.join(', ')} may be.`);
  }
}

/** Nobody is asked for a token, and the request names another host than this machine: a page from elsewhere may have sent it. */
export class MisdirectedRequestError extends NumberGeneratorError {
  constructor() {
    super(
      'MISDIRECTED_REQUEST',
      'Misdirected request',
      'With AUTH=off the service answers under the names of this machine only: localhost, 127.0.0.1, [::1].',
    );
  }
}

/** A valid token without the scope the call needs. */
export class ForbiddenError extends NumberGeneratorError {
  constructor(message: string) {
    super('FORBIDDEN', 'Forbidden', message);
  }
}

/** The caller has sent more requests than he may in a second. */
export class RateLimitedError extends NumberGeneratorError {
  /** @param numbers how many a caller without a credential asked for: each counts as a request. */
  constructor(perSecond: number, numbers = 1) {
    super(
      'RATE_LIMITED',
      'Too many requests',
      numbers > perSecond
        ? `Without a token or an API key each number counts as a request, and only ${perSecond} may come in a second: ask for fewer at once.`
        : `More than ${perSecond} requests in a second. Try again a second later.`,
    );
  }
}

/** A caller, or a prefix, has its share of something that all have to share; nothing was done. */
export class QuotaExceededError extends NumberGeneratorError {
  /** When a part of it is free again, in seconds; undefined: when the caller, or an operator, has done something about it. */
  readonly retryAfterS: number | undefined;

  constructor(message: string, retryAfterS?: number) {
    super('QUOTA_EXCEEDED', 'Quota exceeded', message);
    this.retryAfterS = retryAfterS;
  }
}

/** The keys of the tokens cannot be had from their issuer: whether a token is valid is unknown. */
export class IssuerUnavailableError extends NumberGeneratorError {
  constructor(cause: unknown) {
    super(
      'ISSUER_UNAVAILABLE',
      'Token issuer unavailable',
      'The keys of the token issuer cannot be had at the moment.',
      {
        cause,
      },
    );
  }
}
