/** The sentences of errors that can mean several things, one for each thing. */
import { counted } from '../../core/counted.ts';
import type {
  Collision,
  CredentialFault,
  ErrorParams,
  Missing,
  OtherPrefix,
  Refusal,
  Share,
} from '../../core/error-params.ts';
import { SUBJECT_RULE } from '../../core/subject.ts';

interface Kinded {
  readonly kind: string;
}

type OfKind<Params extends Kinded, Kind> = Params extends Kinded
  ? Kind extends Params['kind']
    ? Params
    : never
  : never;

/** Complete: a kind without its sentence does not compile. */
type Sentences<Params extends Kinded> = {
  readonly [Kind in Params['kind']]: string | ((params: OfKind<Params, Kind>) => string);
};

const saying =
  <Params extends Kinded>(sentences: Sentences<Params>) =>
  (params: Params): string => {
    const sentence = sentences[params.kind as Params['kind']] as string | ((params: Params) => string);
    return typeof sentence === 'string' ? sentence : sentence(params);
  };

export const sayMissing = saying<Missing>({
  route: ({ method }) => `There is no ${method} call at this path; see /docs.`,
  'temporary-number': ({ number }) =>
    `No temporary number "${number}" is waiting. The node that issued it hands it over when it reaches the store.`,
  counter: ({ prefixKey, strategy }) =>
    `The prefix "${prefixKey}" is numbered by ${strategy}, which has no counter: every number comes from the clock of a node.`,
  'api-key': ({ id }) => `There is no API key "${id}".`,
  reservation: ({ id }) => `There is no reservation "${id}".`,
});

export const sayCredentialFault = saying<CredentialFault>({
  two: 'Send a token or an API key, not both.',
  'api-key': 'The API key is not valid: it was never made, was revoked, or has expired.',
  none: 'This call needs a token or an API key: send the header Authorization: Bearer <token>, or X-API-Key: <key>.',
  'no-bearer': 'The header Authorization is not of the form: Bearer <token>.',
  expired: 'The token has expired: get a new one.',
  claim: ({ claim }) => `The token is not valid: it needs the claim ${claim}.`,
  subject: `The subject (claim sub) of the token cannot be written down: it has ${SUBJECT_RULE}.`,
  'no-jwt': 'That is no token (JWT): it has not three parts with dots between them.',
  'not-valid': 'The token is not valid: its signature, algorithm or claims are not those expected here.',
});

export const sayRefusal = saying<Refusal>({
  scope: ({ action, prefixKey }) =>
    prefixKey === undefined
      ? `This call needs the scope ${action}.`
      : `This call needs the scope ${action}, or ${action}:${prefixKey}.`,
  'reserved-by-another': ({ prefixKey }) =>
    `Somebody else reserved this number: to end it takes the scope sequences:admin:${prefixKey}.`,
  'open-count': ({ countMax }) =>
    `Without a token or an API key a request takes at most ${countMax} numbers (OPEN_COUNT_MAX).`,
  'foreign-page': 'Pages of other sites may not call: name their origin in CORS_ORIGINS.',
  'key-reaches-too-far': 'This API key reaches prefixes for which you lack the scope keys:admin.',
  'key-exceeds-maker': 'An API key is given no scope that its maker lacks, and no prefix without keys:admin.',
  'maker-revoked': 'The API key that makes this one was revoked.',
  makers: ({ makersMax }) => `Only ${makersMax} API keys may have made each other in a row.`,
});

export const sayShare = saying<Share>({
  registrations: ({ max }) =>
    `This caller has registered ${max} new prefixes, as many as it may (REGISTRATIONS_MAX). More may follow in the course of 24 hours.`,
  'api-keys': ({ max }) =>
    `This caller, and the keys that it made, have made ${max} API keys that are still there, as many as they may (API_KEYS_MAX): revoke one first.`,
  'idempotency-keys': ({ max }) =>
    `This caller has used ${max} idempotency keys with this prefix, as many as are remembered (IDEMPOTENCY_KEYS_MAX, without a token or a key OPEN_IDEMPOTENCY_KEYS_MAX). More may follow in the course of 24 hours.`,
  reservations: ({ max, prefixKey }) =>
    `This caller has ${max} reservations of "${prefixKey}" open, as many as it may (RESERVATIONS_MAX, without a token or a key OPEN_RESERVATIONS_MAX): confirm or void one first.`,
  reports: ({ max, prefixKey }) =>
    `${max} reports of ${prefixKey === undefined ? 'this caller' : `the prefix "${prefixKey}"`} are being written on this node: read one to its end first.`,
  'temporary-numbers': ({ of }) =>
    `The ${of} has as many temporary numbers as this node keeps for all others: ask another node, or wait until the store is back.`,
});

const nameOther = (other: OtherPrefix | undefined): string => {
  if (other === undefined) return 'another prefix, which you may not read,';
  const { prefixKey, format, before } = other;
  return before ? `"${prefixKey}", as it was numbered before (${format}),` : `"${prefixKey}" (${format})`;
};

export const sayCollision = saying<Collision>({
  'too-many': ({ prefixKey }) =>
    `Too many prefixes have numbers that begin like those of "${prefixKey}" to compare it with all of them.`,
  meets: ({ prefixKey, other, text }) => `"${prefixKey}" and ${nameOther(other)} could both print ${text}.`,
  undecided: ({ prefixKey, other }) =>
    `It would take too long to decide whether "${prefixKey}" and ${nameOther(other)} could print the same number.`,
});

export const sayOverflow = ({ prefixKey, valuesLeft }: ErrorParams['SEQUENCE_OVERFLOW']): string =>
  valuesLeft === 0n
    ? `The sequence "${prefixKey}" has no values left.`
    : `The sequence "${prefixKey}" has only ${counted(valuesLeft, 'value')} left, fewer than asked for.`;

export const sayRateLimit = ({ perSecond, numbers }: ErrorParams['RATE_LIMITED']): string =>
  numbers > perSecond
    ? `Without a token or an API key each number counts as a request, and only ${perSecond} may come in a second: ask for fewer at once.`
    : `More than ${perSecond} requests in a second. Try again a second later.`;

export const sayInternal = saying<ErrorParams['INTERNAL']>({
  entry: ({ prefixKey }) => `What is stored for "${prefixKey}" cannot be used. The log says why.`,
  data: 'The store cannot keep what this request says. The log says why.',
  fault: 'Something went wrong here. The log has the details.',
});
