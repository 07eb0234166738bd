/** Every error carries its stable code and the parameters that say what happened, and keeps what is internal to itself. */
import { describe, expect, test } from 'vitest';
import {
  ClockBehindError,
  CorruptEntryError,
  ForbiddenError,
  InvalidFormatError,
  InvalidLengthError,
  NumberGeneratorError,
  PrefixAlreadyExistsError,
  PrefixNotRegisteredError,
  QuotaExceededError,
  SequenceOverflowError,
  StorageTimeoutError,
  StorageUnavailableError,
  UnauthorizedError,
  ValidationError,
  VersionConflictError,
} from '../../../src/core/errors.ts';

const PROBLEMS = [
  { path: 'count', message: 'Too many' },
  { path: 'prefixKey', message: 'Required, but missing' },
];

const EVERY: readonly (readonly [NumberGeneratorError, name: string, code: string, params: object])[] = [
  [new ValidationError(PROBLEMS), 'ValidationError', 'VALIDATION_ERROR', { problems: PROBLEMS }],
  [
    new InvalidFormatError('Missing {SEQ} tag', 'why'),
    'InvalidFormatError',
    'INVALID_FORMAT',
    { fault: 'Missing {SEQ} tag', rule: 'why' },
  ],
  [new InvalidLengthError('why'), 'InvalidLengthError', 'INVALID_LENGTH', { rule: 'why' }],
  [new PrefixNotRegisteredError('A'), 'PrefixNotRegisteredError', 'PREFIX_NOT_REGISTERED', { prefixKey: 'A' }],
  [new PrefixAlreadyExistsError('INV'), 'PrefixAlreadyExistsError', 'PREFIX_ALREADY_EXISTS', { prefixKey: 'INV' }],
  [new VersionConflictError('INV'), 'VersionConflictError', 'VERSION_CONFLICT', { prefixKey: 'INV' }],
  [
    new SequenceOverflowError('INV', 2n),
    'SequenceOverflowError',
    'SEQUENCE_OVERFLOW',
    { prefixKey: 'INV', valuesLeft: 2n },
  ],
  [new StorageUnavailableError('Away'), 'StorageUnavailableError', 'STORAGE_UNAVAILABLE', { reason: 'Away' }],
  [new ClockBehindError('1970'), 'ClockBehindError', 'CLOCK_BEHIND', { reason: '1970' }],
  [new StorageTimeoutError('Late'), 'StorageTimeoutError', 'STORAGE_TIMEOUT', { reason: 'Late' }],
  [new CorruptEntryError('INV', 'not JSON'), 'CorruptEntryError', 'INTERNAL', { kind: 'entry', prefixKey: 'INV' }],
  [
    new UnauthorizedError({ kind: 'none' }),
    'UnauthorizedError',
    'UNAUTHORIZED',
    { fault: { kind: 'none' }, hadToken: false },
  ],
  [new ForbiddenError({ kind: 'maker-revoked' }), 'ForbiddenError', 'FORBIDDEN', { kind: 'maker-revoked' }],
  [
    new QuotaExceededError({ kind: 'api-keys', max: 9 }, 1),
    'QuotaExceededError',
    'QUOTA_EXCEEDED',
    { kind: 'api-keys', max: 9 },
  ],
];

describe.each(EVERY)('%s', (error, name, code, params) => {
  test('has the name, code and parameters of the contract, and is an error like any other', () => {
    expect({ name: error.name, code: error.code, params: error.params }).toEqual({ name, code, params });
    expect(error).toBeInstanceOf(NumberGeneratorError);
    expect(error).toBeInstanceOf(Error);
    expect(error.message).not.toBe('');
  });
});

test('no two classes share a code', () => {
  expect(new Set(EVERY.map(([error]) => error.code)).size).toBe(EVERY.length);
});

test('a message for the log has the code and the parameters, or the sentence among them', () => {
  expect(new SequenceOverflowError('INV', 2n).message).toBe('SEQUENCE_OVERFLOW prefixKey=INV valuesLeft=2');
  expect(new StorageUnavailableError('The store is away.').message).toBe('The store is away.');
  expect(new ValidationError(PROBLEMS).message).toBe('count: Too many; prefixKey: Required, but missing');
});

test('at most 100 problems are named, each with at most 200 characters of its path', () => {
  const many = Array.from({ length: 103 }, () => ({ path: 'x'.repeat(300), message: 'Wrong' }));
  const { problems } = new ValidationError(many).params as { problems: readonly { path: string; message: string }[] };
  expect(problems).toHaveLength(101);
  expect(problems[0]?.path).toBe(`${'x'.repeat(200)}…`);
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
