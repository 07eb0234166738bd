/** Why a connection to PostgreSQL does not come about, and the setting to look at. */

/** By SQLSTATE or system error code; none of them names an address or a secret. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'The host name in DATABASE_URL does not resolve: check its spelling and the DNS.',
  EAI_AGAIN: 'The host name in DATABASE_URL does not resolve: check its spelling and the DNS.',
  ECONNREFUSED: 'Nothing listens at the host and port of DATABASE_URL: is PostgreSQL running there?',
  ETIMEDOUT: 'PostgreSQL does not answer at the address of DATABASE_URL: check host, port and firewall.',
  // invalid_password, invalid_authorization_specification
  '28P01': 'PostgreSQL refuses the user or the password in DATABASE_URL.',
  '28000': 'PostgreSQL refuses the user in DATABASE_URL: check the role, its right to log in, and pg_hba.conf.',
  // invalid_catalog_name
  '3D000': 'The database named in DATABASE_URL does not exist: create it, or correct the name.',
  // insufficient_privilege
  '42501':
    'The role in DATABASE_URL lacks rights: it must own its tables and may create them (GRANT CREATE ON SCHEMA public).',
  // too_many_connections
  '53300': 'PostgreSQL has no connection left: raise max_connections, or run fewer nodes.',
  // read_only_sql_transaction
  '25006': 'DATABASE_URL points at a read-only standby: point it at the primary.',
};

/** The driver has no codes for these. */
const BY_MESSAGE: readonly (readonly [pattern: RegExp, remedy: string])[] = [
  [
    /does not support SSL/,
    'DATABASE_URL asks for TLS, which this PostgreSQL does not offer: remove sslmode, or switch TLS on there.',
  ],
  [
    /certificate|self.signed|altname/i,
    'The certificate of PostgreSQL cannot be trusted: check the host in DATABASE_URL, or NODE_EXTRA_CA_CERTS.',
  ],
  [/SASL|password must be a string/, 'PostgreSQL asks for a password, and DATABASE_URL has none.'],
  [/timeout/i, 'PostgreSQL does not answer at the address of DATABASE_URL: check host, port and firewall.'],
];

/** @returns a sentence that names the setting to look at; undefined when the failure says nothing about the settings. */
export const remedyOfPostgresFailure = (error: unknown): string | undefined => {
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return REMEDIES[code] ?? BY_MESSAGE.find(([pattern]) => pattern.test(error.message))?.[1];
};
