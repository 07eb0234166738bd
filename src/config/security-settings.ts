/**
 * The settings of authentication and of the edge: tokens of an external issuer, TLS, proxies, origins, limits of
 * requests.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import type { FieldProblem } from '../core/error-params.ts';
import { weaknessOf } from './weak-secret.ts';

const LIST_MAX = 100;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const LOOPBACK_NAMES = new Set(['127.0.0.1', '[::1]', 'localhost']);

const isKeysUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK_NAMES.has(hostname));
};

/** As browsers send it: scheme, host and port, without a slash at the end. */
const isOrigin = (text: string): boolean =>
  !text.includes('*') &&
  URL.canParse(text) &&
  /^https?:$/.test(new URL(text).protocol) &&
  new URL(text).origin === text;

const isNetwork = (text: string): boolean => {
  const [address = '', bits, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  // 0 bits would trust everybody, and let callers choose their own address.
  return bits === undefined || (/^[1-9][0-9]{0,2}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
};

const listOf = (accepts: (item: string) => boolean, rule: string) =>
  z
    .string()
    .transform((text) => text.split(',').map((item) => item.trim()))
    .refine((items) => items.length <= LIST_MAX && items.every(accepts), rule);

/** @param wholeNumber the schema of a whole number between two bounds. */
export const securityVariables = <Whole extends z.ZodType<number>>(
  wholeNumber: (min: number, max: number) => Whole,
) => ({
  JWT_JWKS_URL: z
    .string()
    .refine(isKeysUrl, 'An https URL without user and password; http only for 127.0.0.1, ::1 or localhost')
    .optional()
    .describe('Where an issuer publishes its keys. Replaces `JWT_SECRET`.'),
  JWT_ISSUER: z.string().min(1).optional().describe('Required `iss` of its tokens.'),
  JWT_AUDIENCE: z.string().min(1).optional().describe('Required `aud` of its tokens.'),
  RATE_LIMIT_PER_SECOND: wholeNumber(1, 1_000_000)
    .optional()
    .describe(
      'Requests per client and second, over all nodes that share a Redis. More are 429. Without a token each number counts as a request.',
    ),
  TRUST_PROXY: listOf(isNetwork, 'Addresses or networks such as 10.0.0.0/8,fd00::/8, separated by commas')
    .optional()
    .describe('Proxies whose `X-Forwarded-For` is believed.'),
  CORS_ORIGINS: listOf(isOrigin, 'Origins such as https://shop.example.com, separated by commas')
    .optional()
    .describe('Origins whose pages may call from a browser.'),
  TLS_CERT_FILE: z.string().min(1).optional().describe('PEM certificate: the service speaks HTTPS instead of HTTP.'),
  TLS_KEY_FILE: z.string().min(1).optional().describe('PEM key of the certificate.'),
  TLS_CLIENT_CA_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('PEM certificate of an authority: only clients with a certificate of it are served.'),
  HEADERS_TIMEOUT_MS: wholeNumber(100, 600_000)
    .optional()
    .meta({
      description: 'How long the headers of a request, or a TLS handshake, may take to arrive.',
      fallback: `${HEADERS_TIMEOUT_MS}, at most \`REQUEST_TIMEOUT_MS\``,
    }),
  REQUEST_TIMEOUT_MS: wholeNumber(100, 600_000)
    .optional()
    .meta({
      description:
        'How long a whole request may take to arrive. A reader that takes nothing of a reply for this long is cut off.',
      fallback: `${REQUEST_TIMEOUT_MS}`,
    }),
});

type SecurityEnvironment = {
  readonly [Name in keyof ReturnType<typeof securityVariables>]?: z.output<
    ReturnType<typeof securityVariables<z.ZodType<number>>>[Name]
  >;
};

/** Undefined values stand for what is off. */
export const securitySettingsOf = (env: SecurityEnvironment) => {
  const { JWT_JWKS_URL: url, JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = env;
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile, TLS_CLIENT_CA_FILE: clientCaFile } = env;
  const requestTimeoutMs = env.REQUEST_TIMEOUT_MS ?? REQUEST_TIMEOUT_MS;
  return {
    /** The issuer whose tokens are taken, instead of those signed with `jwtSecret`. */
    jwks: url === undefined || issuer === undefined || audience === undefined ? undefined : { url, issuer, audience },
    /** Requests a client may send in a second. */
    rateLimitPerSecond: env.RATE_LIMIT_PER_SECOND,
    /** The proxies whose `X-Forwarded-For` is believed. */
    trustedProxies: env.TRUST_PROXY,
    /** Web pages of these origins may call from a browser. */
    corsOrigins: env.CORS_ORIGINS,
    /** Paths of PEM files; with `clientCaFile` only clients with a certificate of that authority are served. */
    tls: certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile, clientCaFile },
    /** Milliseconds in which the headers of a request, and a whole request, must have arrived. */
    headersTimeoutMs: env.HEADERS_TIMEOUT_MS ?? Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs),
    requestTimeoutMs,
  };
};

type Given = Readonly<Record<string, string | undefined>>;

const contradictionsOfTokens = (given: Given): FieldProblem[] => {
  const { JWT_SECRET: secret, JWT_JWKS_URL: url, NODE_ENV: environment } = given;
  const problems: FieldProblem[] = [];
  if (url !== undefined && secret !== undefined) {
    problems.push({ path: 'JWT_JWKS_URL', message: 'Instead of JWT_SECRET, not beside it' });
  }
  for (const path of ['JWT_ISSUER', 'JWT_AUDIENCE']) {
    const isGiven = given[path] !== undefined;
    if (url !== undefined && !isGiven) problems.push({ path, message: 'Required with JWT_JWKS_URL' });
    if (url === undefined && isGiven) problems.push({ path, message: 'Only with JWT_JWKS_URL' });
  }
  if (environment === 'production' && secret === undefined && url === undefined) {
    problems.push({ path: 'JWT_SECRET', message: 'Required with NODE_ENV=production, or else JWT_JWKS_URL' });
  }
  const weakness = environment === 'production' && secret !== undefined ? weaknessOf(secret) : undefined;
  if (weakness !== undefined) {
    problems.push({ path: 'JWT_SECRET', message: `${weakness}. Make one with: openssl rand -base64 48` });
  }
  return problems;
};

/** What is wrong with these variables together. */
export const securityContradictionsOf = (given: Given): FieldProblem[] => {
  const problems = contradictionsOfTokens(given);
  const { TLS_CERT_FILE: certificate, TLS_KEY_FILE: key, TLS_CLIENT_CA_FILE: clients } = given;
  if (certificate === undefined && (key !== undefined || clients !== undefined)) {
    problems.push({ path: 'TLS_CERT_FILE', message: 'Required with TLS_KEY_FILE and TLS_CLIENT_CA_FILE' });
  }
  if (certificate !== undefined && key === undefined) {
    problems.push({ path: 'TLS_KEY_FILE', message: 'Required with TLS_CERT_FILE' });
  }
  const { HEADERS_TIMEOUT_MS: headersMs, REQUEST_TIMEOUT_MS: requestMs = REQUEST_TIMEOUT_MS } = given;
  if (headersMs !== undefined && Number(headersMs) > Number(requestMs)) {
    problems.push({ path: 'HEADERS_TIMEOUT_MS', message: 'Not more than REQUEST_TIMEOUT_MS, which it is a part of' });
  }
  return problems;
};
