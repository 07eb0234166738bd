/** Every error a caller of the service can meet: one code each, and one class for each that is thrown. */
import type {
  Collision,
  CredentialFault,
  ErrorCode,
  ErrorContent,
  FieldProblem,
  FormatFault,
  Missing,
  Refusal,
  Share,
} from './error-params.ts';

interface Details {
  /** A sentence that is in the parameters too; by default the message is the code with its parameters. */
  readonly message?: string;
  /** The internal reason: for the log, never for the client. */
  readonly cause?: unknown;
}

const show = ({ code, params }: ErrorContent): string =>
  [code, ...Object.entries(params).map(([name, value]) => `${name}=${String(value)}`)].join(' ');

/** The base class. A transport words `code` and `params` for the client; `message` and `cause` are for the log. */
export class NumberGeneratorError extends Error {
  readonly code: ErrorCode;
  /** Those of the code: `core/error-params.ts`. */
  readonly params: ErrorContent['params'];

  constructor(content: ErrorContent, { message = show(content), cause }: Details = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = content.code;
    this.params = content.params;
  }
}

/** Problems named in a reply; the rest show up after these are fixed. */
const PROBLEMS_MAX = 100;
const PATH_LENGTH_MAX = 200;

const shorten = (path: string): string => (path.length > PATH_LENGTH_MAX ? `${path.slice(0, PATH_LENGTH_MAX)}…` : path);

/** A request must not be answered by more than it was. */
const boundProblems = (problems: readonly FieldProblem[]): FieldProblem[] => {
  const named = problems.slice(0, PROBLEMS_MAX).map(({ path, message }) => ({ path: shorten(path), message }));
  const more = problems.length - named.length;
  return more === 0 ? named : [...named, { path: 'request', message: `And ${more} more problems` }];
};

/** The request does not fit its schema; the problems say where. */
export class ValidationError extends NumberGeneratorError {
  constructor(all: readonly FieldProblem[]) {
    const problems = boundProblems(all);
    const message = problems.map((problem) => `${problem.path}: ${problem.message}`).join('; ');
    super({ code: 'VALIDATION_ERROR', params: { problems } }, { message });
  }
}

/** The template cannot be compiled; `rule` is a sentence that says what is allowed. */
export class InvalidFormatError extends NumberGeneratorError {
  constructor(fault: FormatFault, rule: string) {
    super({ code: 'INVALID_FORMAT', params: { fault, rule } }, { message: rule });
  }
}

/** The `N` of `{SEQ:N}` is not 1 to 20. */
export class InvalidLengthError extends NumberGeneratorError {
  constructor(rule: string) {
    super({ code: 'INVALID_LENGTH', params: { rule } }, { message: rule });
  }
}

/** Nobody registered this prefix key. */
export class PrefixNotRegisteredError extends NumberGeneratorError {
  constructor(prefixKey: string) {
    super({ code: 'PREFIX_NOT_REGISTERED', params: { prefixKey } });
  }
}

/** A registration met a prefix config that is already there. */
export class PrefixAlreadyExistsError extends NumberGeneratorError {
  constructor(prefixKey: string) {
    super({ code: 'PREFIX_ALREADY_EXISTS', params: { prefixKey } });
  }
}

/** Another prefix could print a number of this format, or it is not known that none could. */
export class FormatCollisionError extends NumberGeneratorError {
  constructor(collision: Collision) {
    super({ code: 'FORMAT_COLLISION', params: collision });
  }
}

/** A conditional change named a version that is no longer the current one. */
export class VersionConflictError extends NumberGeneratorError {
  constructor(prefixKey: string) {
    super({ code: 'VERSION_CONFLICT', params: { prefixKey } });
  }
}

/** The Idempotency-Key came before, with a request that asked for something else; nothing was taken. */
export class IdempotencyConflictError extends NumberGeneratorError {
  constructor() {
    super({ code: 'IDEMPOTENCY_CONFLICT', params: {} });
  }
}

/** The sequence has fewer values left than were asked for; nothing was taken. */
export class SequenceOverflowError extends NumberGeneratorError {
  constructor(prefixKey: string, valuesLeft: bigint) {
    super({ code: 'SEQUENCE_OVERFLOW', params: { prefixKey, valuesLeft } });
  }
}

/** An advance to a value at or below the current one: it would repeat numbers. */
export class SequenceNotForwardError extends NumberGeneratorError {
  constructor(prefixKey: string, current: bigint) {
    super({ code: 'SEQUENCE_NOT_FORWARD', params: { prefixKey, current } });
  }
}

/** The period was closed and gives no more numbers. */
export class PeriodClosedError extends NumberGeneratorError {
  constructor(prefixKey: string, period: string) {
    super({ code: 'PERIOD_CLOSED', params: { prefixKey, period } });
  }
}

/** Nothing of this kind is there, or it is there no more. */
export class NotFoundError extends NumberGeneratorError {
  constructor(missing: Missing) {
    super({ code: 'NOT_FOUND', params: missing });
  }
}

/** The reservation has ended in another way than the one that was asked for. */
export class ReservationEndedError extends NumberGeneratorError {
  constructor({ id, state }: { readonly id: string; readonly state: string }) {
    super({ code: 'RESERVATION_ENDED', params: { id, state } });
  }
}

/** The store cannot be reached, or the queue before it is full. Nothing was promised; try again later. */
export class StorageUnavailableError extends NumberGeneratorError {
  constructor(reason: string, cause?: unknown) {
    super({ code: 'STORAGE_UNAVAILABLE', params: { reason } }, { message: reason, cause });
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
  constructor(reason: string, cause?: unknown) {
    super({ code: 'STORAGE_TIMEOUT', params: { reason } }, { message: reason, cause });
  }
}

/** The store is being prepared, as at the first start of a version: it serves in a moment, and nothing is wrong. */
export class StorePreparingError extends StorageTimeoutError {}

/** The clock of this machine cannot be right, and the answer would depend on it. */
export class ClockBehindError extends NumberGeneratorError {
  constructor(reason: string) {
    super({ code: 'CLOCK_BEHIND', params: { reason } }, { message: reason });
  }
}

/** Whether the store failed as a whole: it was not reached, or did not answer in time. */
export const isStoreFailure = (error: unknown): boolean =>
  error instanceof StorageUnavailableError || error instanceof StorageTimeoutError;

/** The store refused the data of a call, which did nothing; it is there, and serves others. */
export class DataRefusedError extends NumberGeneratorError {
  constructor(cause?: unknown) {
    super({ code: 'INTERNAL', params: { kind: 'data' } }, { cause });
  }
}

/** The store of the ceilings is older than the counter store: restored from a backup, or another one. Needs the command `repair`. */
export class CeilingsBehindError extends StorageUnavailableError {
  /** @param stored what the store of the ceilings has; undefined: nothing. */
  constructor(
    { prefixKey, period }: { readonly prefixKey: string; readonly period: string },
    stored: { readonly epoch: bigint; readonly ceiling: bigint } | undefined,
  ) {
    const name = `${prefixKey}${period === '' ? '' : ` (${period})`}`;
    const found = `epoch ${stored?.epoch ?? 'none'}, ceiling ${stored?.ceiling ?? 'none'} in PostgreSQL`;
    const remedy = 'If it was restored from a backup, or is new here: npm run repair';
    super('PostgreSQL is older than Redis.', new Error(`${name}: ${found}. ${remedy}`));
  }
}

/** No replica of the counter store has confirmed a raised ceiling in time: it may be lost in a failover. */
export class CeilingUnconfirmedError extends StorageTimeoutError {
  constructor() {
    super('No replica of Redis confirmed the ceiling in time.');
  }
}

/** What the store holds for one prefix (its config or its counter) cannot be read; other prefixes are not touched. */
export class CorruptEntryError extends NumberGeneratorError {
  constructor(prefixKey: string, reason: string) {
    super({ code: 'INTERNAL', params: { kind: 'entry', prefixKey } }, { cause: reason });
  }
}

/** No token, or one that does not verify. */
export class UnauthorizedError extends NumberGeneratorError {
  constructor(fault: CredentialFault, hadToken = false) {
    super({ code: 'UNAUTHORIZED', params: { fault, hadToken } });
  }
}

/** The path is right, the method is not. */
export class MethodNotAllowedError extends NumberGeneratorError {
  constructor(method: string, methods: readonly string[]) {
    super({ code: 'METHOD_NOT_ALLOWED', params: { method, methods } });
  }
}

/** Nobody is asked for a token, and the request names another host than this machine: a page from elsewhere may have sent it. */
export class MisdirectedRequestError extends NumberGeneratorError {
  constructor() {
    super({ code: 'MISDIRECTED_REQUEST', params: {} });
  }
}

/** The caller is known, or need not be, and may not do this. */
export class ForbiddenError extends NumberGeneratorError {
  constructor(refusal: Refusal) {
    super({ code: 'FORBIDDEN', params: refusal });
  }
}

/** The caller has sent more requests than they may in a second. */
export class RateLimitedError extends NumberGeneratorError {
  /** @param numbers how many a caller without a credential asked for: each counts as a request. */
  constructor(perSecond: number, numbers = 1) {
    super({ code: 'RATE_LIMITED', params: { perSecond, numbers } });
  }
}

/** A caller, or a prefix, has its share of something that all have to share; nothing was done. */
export class QuotaExceededError extends NumberGeneratorError {
  /** When a part of it is free again, in seconds; undefined: when the caller, or an operator, has done something about it. */
  readonly retryAfterS: number | undefined;

  constructor(share: Share, retryAfterS?: number) {
    super({ code: 'QUOTA_EXCEEDED', params: share });
    this.retryAfterS = retryAfterS;
  }
}

/** The keys of the tokens cannot be fetched from their issuer: whether a token is valid is unknown. */
export class IssuerUnavailableError extends NumberGeneratorError {
  constructor(cause: unknown) {
    super({ code: 'ISSUER_UNAVAILABLE', params: {} }, { cause });
  }
}
