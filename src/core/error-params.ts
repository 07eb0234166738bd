/** The stable codes of errors, and the parameters that say what happened; each transport words them at its edge. */

/** The stable codes; the catalogue of each transport has a row for every one of them. */
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

/** What is wrong with one field of a request. `path` names the field as the client spelt it. */
export interface FieldProblem {
  readonly path: string;
  readonly message: string;
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

/** What is wrong with the credential of a caller. */
export type CredentialFault =
  | { readonly kind: 'none' | 'two' | 'api-key' | 'no-bearer' | 'no-jwt' | 'expired' | 'subject' | 'not-valid' }
  | { readonly kind: 'claim'; readonly claim: string };

export type Refusal =
  | { readonly kind: 'scope'; readonly action: string; readonly prefixKey?: string | undefined }
  | { readonly kind: 'reserved-by-another'; readonly prefixKey: string }
  | { readonly kind: 'open-count'; readonly countMax: number }
  | { readonly kind: 'foreign-page' | 'key-reaches-too-far' | 'key-exceeds-maker' | 'maker-revoked' }
  | { readonly kind: 'makers'; readonly makersMax: number };

/** What is not there. */
export type Missing =
  | { readonly kind: 'route'; readonly method: string }
  | { readonly kind: 'temporary-number'; readonly number: string }
  | { readonly kind: 'counter'; readonly prefixKey: string; readonly strategy: string }
  | { readonly kind: 'api-key' | 'reservation'; readonly id: string };

/** What a caller, or a prefix, has its share of. */
export type Share =
  | { readonly kind: 'registrations' | 'api-keys' | 'idempotency-keys'; readonly max: number | undefined }
  | { readonly kind: 'reservations'; readonly max: number | undefined; readonly prefixKey: string }
  /** Without a prefix key it is the caller's. */
  | { readonly kind: 'reports'; readonly max: number; readonly prefixKey: string | undefined }
  | { readonly kind: 'temporary-numbers'; readonly of: 'caller' | 'prefix' };

/** Another prefix that prints numbers alike, as far as the caller may read it. */
export interface OtherPrefix {
  readonly prefixKey: string;
  readonly format: string;
  /** Whether it printed so before its format was changed. */
  readonly before: boolean;
}

export type Collision =
  | { readonly kind: 'too-many'; readonly prefixKey: string }
  | {
      readonly kind: 'meets';
      readonly prefixKey: string;
      readonly other: OtherPrefix | undefined;
      readonly text: string;
    }
  | { readonly kind: 'undecided'; readonly prefixKey: string; readonly other: OtherPrefix | undefined };

type Nothing = Readonly<Record<never, never>>;
interface OfPrefix {
  readonly prefixKey: string;
}
/** A sentence for callers and operators alike, about a store or a clock that a machine cannot name better. */
interface Because {
  readonly reason: string;
}

/** What each code carries. */
export interface ErrorParams {
  readonly VALIDATION_ERROR: { readonly problems: readonly FieldProblem[] };
  readonly INVALID_FORMAT: { readonly fault: FormatFault; readonly rule: string };
  readonly INVALID_LENGTH: { readonly rule: string };
  readonly PREFIX_NOT_REGISTERED: OfPrefix;
  /** `hadToken`: whether the caller sent one, of which the reply says something. */
  readonly UNAUTHORIZED: { readonly fault: CredentialFault; readonly hadToken: boolean };
  readonly FORBIDDEN: Refusal;
  readonly NOT_FOUND: Missing;
  readonly METHOD_NOT_ALLOWED: { readonly method: string; readonly methods: readonly string[] };
  readonly MISDIRECTED_REQUEST: Nothing;
  readonly PREFIX_ALREADY_EXISTS: OfPrefix;
  readonly FORMAT_COLLISION: Collision;
  readonly RESERVATION_ENDED: { readonly id: string; readonly state: string };
  readonly SEQUENCE_NOT_FORWARD: OfPrefix & { readonly current: bigint };
  readonly SEQUENCE_OVERFLOW: OfPrefix & { readonly valuesLeft: bigint };
  readonly PERIOD_CLOSED: OfPrefix & { readonly period: string };
  readonly VERSION_CONFLICT: OfPrefix;
  readonly IDEMPOTENCY_CONFLICT: Nothing;
  readonly PAYLOAD_TOO_LARGE: Nothing;
  readonly UNSUPPORTED_MEDIA_TYPE: Nothing;
  /** `numbers`: how many a caller without a credential asked for; each counts as a request. */
  readonly RATE_LIMITED: { readonly perSecond: number; readonly numbers: number };
  readonly QUOTA_EXCEEDED: Share;
  readonly ISSUER_UNAVAILABLE: Nothing;
  readonly STORAGE_UNAVAILABLE: Because;
  readonly STORAGE_TIMEOUT: Because;
  readonly CLOCK_BEHIND: Because;
  readonly INTERNAL: { readonly kind: 'entry'; readonly prefixKey: string } | { readonly kind: 'data' | 'fault' };
}

/** A code with its parameters. A code that has none above does not compile. */
export type ErrorContent = {
  readonly [Code in ErrorCode]: { readonly code: Code; readonly params: ErrorParams[Code] };
}[ErrorCode];
