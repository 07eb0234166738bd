/** Every error carries its stable code and the parameters that say what happened, and keeps what is internal to itself. */
import { describe, expect, test } from 'vitest';
import {
  CeilingsBehindError,
  CeilingUnconfirmedError,
  ClockBehindError,
  CorruptEntryError,
  DataRefusedError,
  ForbiddenError,
  FormatCollisionError,
  IdempotencyConflictError,
  InvalidFormatError,
  InvalidLengthError,
  IssuerUnavailableError,
  isStoreFailure,
  LedgerBehindError,
  MethodNotAllowedError,
  MisdirectedRequestError,
  NotFoundError,
  NumberGeneratorError,
  PeriodClosedError,
  PrefixAlreadyExistsError,
  PrefixNotRegisteredError,
  QuotaExceededError,
  RateLimitedError,
  ReservationEndedError,
  SequenceNotForwardError,
  SequenceOverflowError,
  StorageTimeoutError,
  StorageUnavailableError,
  StorePreparingError,
  UnauthorizedError,
  ValidationError,
  VersionConflictError,
} from '../../../src/core/errors.ts';

const PROBLEMS = [
  { path: 'count', message: 'Too many' },
  { path: 'prefixKey', message: 'Required, but missing' },
];

const COLLISION = { kind: 'too-many', prefixKey: 'A' } as const;
const ROUTE = { kind: 'route', method: 'GET' } as const;

type Row = readonly [name: string, make: () => NumberGeneratorError, code: string, params: object];

const EVERY: readonly Row[] = [
  ['ValidationError', () => new ValidationError(PROBLEMS), 'VALIDATION_ERROR', { problems: PROBLEMS }],
  [
    'InvalidFormatError',
    () => new InvalidFormatError('Missing {SEQ} tag', 'why'),
    'INVALID_FORMAT',
    { fault: 'Missing {SEQ} tag', rule: 'why' },
  ],
  ['InvalidLengthError', () => new InvalidLengthError('why'), 'INVALID_LENGTH', { rule: 'why' }],
  ['PrefixNotRegisteredError', () => new PrefixNotRegisteredError('A'), 'PREFIX_NOT_REGISTERED', { prefixKey: 'A' }],
  ['PrefixAlreadyExistsError', () => new PrefixAlreadyExistsError('A'), 'PREFIX_ALREADY_EXISTS', { prefixKey: 'A' }],
  ['FormatCollisionError', () => new FormatCollisionError(COLLISION), 'FORMAT_COLLISION', COLLISION],
  ['VersionConflictError', () => new VersionConflictError('A'), 'VERSION_CONFLICT', { prefixKey: 'A' }],
  ['IdempotencyConflictError', () => new IdempotencyConflictError(), 'IDEMPOTENCY_CONFLICT', {}],
  [
    'SequenceOverflowError',
    () => new SequenceOverflowError('A', 2n),
    'SEQUENCE_OVERFLOW',
    { prefixKey: 'A', valuesLeft: 2n },
  ],
  [
    'SequenceNotForwardError',
    () => new SequenceNotForwardError('A', 7n),
    'SEQUENCE_NOT_FORWARD',
    { prefixKey: 'A', current: 7n },
  ],
  ['PeriodClosedError', () => new PeriodClosedError('A', '2026'), 'PERIOD_CLOSED', { prefixKey: 'A', period: '2026' }],
  ['NotFoundError', () => new NotFoundError(ROUTE), 'NOT_FOUND', ROUTE],
  [
    'ReservationEndedError',
    () => new ReservationEndedError({ id: 'r', state: 'void' }),
    'RESERVATION_ENDED',
    { id: 'r', state: 'void' },
  ],
  ['StorageUnavailableError', () => new StorageUnavailableError('Away'), 'STORAGE_UNAVAILABLE', { reason: 'Away' }],
  ['ClockBehindError', () => new ClockBehindError('1970'), 'CLOCK_BEHIND', { reason: '1970' }],
  ['StorageTimeoutError', () => new StorageTimeoutError('Late'), 'STORAGE_TIMEOUT', { reason: 'Late' }],
  ['CorruptEntryError', () => new CorruptEntryError('A', 'not JSON'), 'INTERNAL', { kind: 'entry', prefixKey: 'A' }],
  [
    'UnauthorizedError',
    () => new UnauthorizedError({ kind: 'none' }),
    'UNAUTHORIZED',
    { fault: { kind: 'none' }, hadToken: false },
  ],
  [
    'MethodNotAllowedError',
    () => new MethodNotAllowedError('PUT', ['GET']),
    'METHOD_NOT_ALLOWED',
    { method: 'PUT', methods: ['GET'] },
  ],
  ['MisdirectedRequestError', () => new MisdirectedRequestError(), 'MISDIRECTED_REQUEST', {}],
  ['ForbiddenError', () => new ForbiddenError({ kind: 'maker-revoked' }), 'FORBIDDEN', { kind: 'maker-revoked' }],
  ['RateLimitedError', () => new RateLimitedError(5), 'RATE_LIMITED', { perSecond: 5, numbers: 1 }],
  [
    'QuotaExceededError',
    () => new QuotaExceededError({ kind: 'api-keys', max: 9 }, 1),
    'QUOTA_EXCEEDED',
    { kind: 'api-keys', max: 9 },
  ],
  ['IssuerUnavailableError', () => new IssuerUnavailableError('away'), 'ISSUER_UNAVAILABLE', {}],
];

describe.each(EVERY)('%s', (name, make, code, params) => {
  test('has the name, code and parameters of the contract, and is an error like any other', () => {
    const error = make();
    expect({ name: error.name, code: error.code, params: error.params }).toEqual({ name, code, params });
    expect(error).toBeInstanceOf(NumberGeneratorError);
    expect(error).toBeInstanceOf(Error);
    expect(error.message).not.toBe('');
  });
});

test('no two classes share a code', () => {
  expect(new Set(EVERY.map(([, make]) => make().code)).size).toBe(EVERY.length);
});

test('a store that refused the data of a call failed inside, and nobody else is touched', () => {
  const error = new DataRefusedError('22P05');
  expect([error.code, error.params, error.cause]).toEqual(['INTERNAL', { kind: 'data' }, '22P05']);
  expect(isStoreFailure(error)).toBe(false);
});

test('a store fails as a whole when it is not reached, or does not answer in time, and in no other way', () => {
  for (const error of [
    new StorageUnavailableError('Away'),
    new StorageTimeoutError('Late'),
    new StorePreparingError('Soon'),
    new LedgerBehindError('INV', ''),
    new CeilingUnconfirmedError(),
    new CeilingsBehindError({ prefixKey: 'INV', period: '' }, undefined),
  ]) {
    expect(isStoreFailure(error)).toBe(true);
  }
  for (const error of [new Error('Away'), new CorruptEntryError('INV', 'not JSON'), undefined, 'Away']) {
    expect(isStoreFailure(error)).toBe(false);
  }
});

describe('the log says', () => {
  test('which sequence of a ledger went back', () => {
    expect(new LedgerBehindError('INV', '').message).toContain('The ledger of "INV" went back');
    expect(new LedgerBehindError('INV', '2026').message).toContain('The ledger of "INV", period 2026, went back');
  });

  test('which ceiling is behind, and what is stored of it, in the cause', () => {
    const causeOf = (period: string, stored: { epoch: bigint; ceiling: bigint } | undefined): string => {
      const { cause } = new CeilingsBehindError({ prefixKey: 'INV', period }, stored);
      return cause instanceof Error ? cause.message : '';
    };
    expect(causeOf('', undefined)).toMatch(/^INV: epoch none, ceiling none in PostgreSQL\. .+ npm run repair$/);
    expect(causeOf('2026', { epoch: 3n, ceiling: 90n })).toMatch(/^INV \(2026\): epoch 3, ceiling 90 in PostgreSQL\./);
  });

  test('why the keys of an issuer could not be fetched, and the caller is not shown it', () => {
    const error = new IssuerUnavailableError('connect ECONNREFUSED');
    expect([error.cause, error.params]).toEqual(['connect ECONNREFUSED', {}]);
  });
});

test('a message for the log has the code and the parameters, or the sentence among them', () => {
  expect(new SequenceOverflowError('INV', 2n).message).toBe('SEQUENCE_OVERFLOW prefixKey=INV valuesLeft=2');
  expect(new StorageUnavailableError('The store is away.').message).toBe('The store is away.');
  expect(new ClockBehindError('The clock says 1970.').message).toBe('The clock says 1970.');
  expect(new ValidationError(PROBLEMS).message).toBe('count: Too many; prefixKey: Required, but missing');
});

test('at most 100 problems are named, each with at most 200 characters of its path', () => {
  const many = Array.from({ length: 103 }, () => ({ path: 'x'.repeat(300), message: 'Wrong' }));
  const { problems } = new ValidationError(many).params as { problems: readonly { path: string; message: string }[] };
  expect(problems).toHaveLength(101);
  expect(problems[0]?.path).toBe(`${'x'.repeat(200)}…`);
  const whole = [{ path: 'x'.repeat(200), message: 'Wrong' }];
  expect(new ValidationError(whole).params).toEqual({ problems: whole });
  expect(problems[100]).toEqual({ path: 'request', message: 'And 3 more problems' });
});

test('the internal reason stays in the cause and out of the message', () => {
  const reason = new Error('connect ECONNREFUSED 10.0.0.7:6379');
  for (const error of [
    new StorageUnavailableError('The store is not reachable.', reason),
    new StorageTimeoutError('The store did not answer.', reason),
    new CorruptEntryError('INV', reason.message),
  ]) {
    expect(error.cause).toBeDefined();
    expect(error.message).not.toContain('10.0.0.7');
  }
});

test('an error without a reason has no cause, not an undefined one', () => {
  expect(Object.hasOwn(new StorageUnavailableError('Away'), 'cause')).toBe(false);
});
