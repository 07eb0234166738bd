/** Every error carries its stable code and title, and keeps what is internal to itself. */
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
  SequenceOverflowError,
  StorageTimeoutError,
  StorageUnavailableError,
  UnauthorizedError,
  ValidationError,
  VersionConflictError,
} from '../../../src/core/errors.ts';

const EVERY: readonly (readonly [NumberGeneratorError, name: string, code: string, title: string])[] = [
  [
    new ValidationError([{ path: 'count', message: 'Too many' }]),
    'ValidationError',
    'VALIDATION_ERROR',
    'Invalid request',
  ],
  [new InvalidFormatError('Missing {SEQ} tag', 'why'), 'InvalidFormatError', 'INVALID_FORMAT', 'Missing {SEQ} tag'],
  [new InvalidLengthError('why'), 'InvalidLengthError', 'INVALID_LENGTH', 'Sequence length must be 1 to 20'],
  [
    new PrefixNotRegisteredError('UNKNOWN'),
    'PrefixNotRegisteredError',
    'PREFIX_NOT_REGISTERED',
    'Prefix not registered',
  ],
  [new PrefixAlreadyExistsError('INV'), 'PrefixAlreadyExistsError', 'PREFIX_ALREADY_EXISTS', 'Prefix already exists'],
  [new VersionConflictError('INV'), 'VersionConflictError', 'VERSION_CONFLICT', 'Prefix config was changed'],
  [new SequenceOverflowError('INV', 0n), 'SequenceOverflowError', 'SEQUENCE_OVERFLOW', 'Sequence exhausted'],
  [new StorageUnavailableError('Away'), 'StorageUnavailableError', 'STORAGE_UNAVAILABLE', 'Storage unavailable'],
  [new ClockBehindError('1970'), 'ClockBehindError', 'CLOCK_BEHIND', 'Clock is behind'],
  [new StorageTimeoutError('Late'), 'StorageTimeoutError', 'STORAGE_TIMEOUT', 'Storage timed out'],
  [new CorruptEntryError('INV', 'not JSON'), 'CorruptEntryError', 'INTERNAL', 'Internal error'],
  [new UnauthorizedError('No token'), 'UnauthorizedError', 'UNAUTHORIZED', 'Unauthorized'],
  [new ForbiddenError('No scope'), 'ForbiddenError', 'FORBIDDEN', 'Forbidden'],
];

describe.each(EVERY)('%s', (error, name, code, title) => {
  test('has the name, code and title of the contract, and is an error like any other', () => {
    expect({ name: error.name, code: error.code, title: error.title }).toEqual({ name, code, title });
    expect(error).toBeInstanceOf(NumberGeneratorError);
    expect(error).toBeInstanceOf(Error);
    expect(error.message).not.toBe('');
  });
});

test('no two classes share a code', () => {
  expect(new Set(EVERY.map(([error]) => error.code)).size).toBe(EVERY.length);
});

test('a validation error names every field, in its list and in its message', () => {
  const fields = [
    { path: 'count', message: 'Too many' },
    { path: 'prefixKey', message: 'Required, but missing' },
  ];
  const error = new ValidationError(fields);
  expect(error.fields).toEqual(fields);
  expect(error.message).toBe('count: Too many; prefixKey: Required, but missing');
});

test.each([
  ['format', new InvalidFormatError('Unknown variable', 'Known are …')],
  ['format', new InvalidLengthError('N from 1 to 20')],
])('a template error points at the field %s', (path, error) => {
  expect(error.fields).toEqual([{ path, message: error.message }]);
});

test('an unregistered prefix is named together with the call that registers it', () => {
  const error = new PrefixNotRegisteredError('UNKNOWN');
  expect(error.message).toContain('"UNKNOWN"');
  expect(error.message).toContain('PUT /api/prefix-configs/UNKNOWN');
  expect(error.fields).toEqual([{ path: 'prefixKey', message: 'Prefix not registered' }]);
});

test('an overflow says whether anything is left', () => {
  expect(new SequenceOverflowError('INV', 0n).message).toContain('no values left');
  expect(new SequenceOverflowError('INV', 12n).message).toContain('only 12 values left');
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
