/** Why a connection to Redis does not come about, and the setting to look at. */

/** The first rule whose pattern a failure matches says what to do; none of them names an address or a secret. */
const REMEDIES: readonly (readonly [pattern: RegExp, remedy: string])[] = [
  [/ENOTFOUND|EAI_AGAIN/, 'The host name in REDIS_URL does not resolve: check its spelling and the DNS.'],
  [/ECONNREFUSED/, 'Nothing listens at the host and port of REDIS_URL: is Redis running there?'],
  [/WRONGPASS|invalid username-password/, 'Redis refuses the user or the password in REDIS_URL.'],
  [
    /NOAUTH|without any password configured|called without/,
    'REDIS_URL and Redis disagree about a password: one has one, the other has none.',
  ],
  [/NOPERM/, 'The user in REDIS_URL lacks rights that the service needs: see docs/operations.md.'],
  [/DB index/, 'Redis has no database of the number at the end of REDIS_URL.'],
  [
    /sentinels? .*unreachable|All sentinels/i,
    'No sentinel in REDIS_URL names a master REDIS_SENTINEL_MASTER that can be reached: check both.',
  ],
  [
    /certificate|self.signed|CERT_|altname/i,
    'The certificate of Redis cannot be trusted: check the host in REDIS_URL, or NODE_EXTRA_CA_CERTS.',
  ],
  [
    /wrong version number|SSL|TLS|EPROTO/,
    'Redis does not speak TLS at the port of REDIS_URL: redis:// instead of rediss://, or another port.',
  ],
  [
    /ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|timed? ?out/i,
    'Redis does not answer at the address of REDIS_URL: check host, port, firewall, and whether redis:// or rediss:// is right.',
  ],
];

/** @returns a sentence that names the setting to look at; undefined when the failure says nothing about the settings. */
export const remedyOfRedisFailure = (reason: string): string | undefined =>
  REMEDIES.find(([pattern]) => pattern.test(reason))?.[1];

/** Whether the database of the URL does not exist. ioredis would go on in database 0, which is somebody else's. */
export const isDatabaseMissing = (reason: string): boolean => /DB index/.test(reason);
