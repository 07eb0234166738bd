/** Where Redis is: one server, a master that sentinels know by name, or a cluster; read from one URL that may name several hosts. */

interface RedisHost {
  readonly host: string;
  readonly port: number;
}

/** What a URL says that names one or several hosts. */
export interface RedisAddress {
  readonly hosts: readonly RedisHost[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly tls: boolean;
}

export type RedisTarget =
  | { readonly mode: 'standalone'; readonly url: string }
  | {
      readonly mode: 'sentinel';
      /** The hosts are the sentinels; user, password and database are those of Redis itself. */
      readonly address: RedisAddress;
      /** The name under which the sentinels know the master. */
      readonly master: string;
      readonly sentinelUsername: string | undefined;
      readonly sentinelPassword: string | undefined;
    }
  | { readonly mode: 'cluster'; readonly address: RedisAddress };

const PORT_MAX = 65_535;
const URL_FORM = /^(rediss?):\/\/(?:([^@/?#]*)@)?([^@/?#]+)\/?(\d{1,5})?$/;

const readHost = (text: string, defaultPort: number): RedisHost | undefined => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  return host === undefined || port < 1 || port > PORT_MAX ? undefined : { host, port };
};

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
};

/**
 * Reads `redis://user:password@host:port,host:port/database`; `rediss` means TLS.
 * @param defaultPort of the hosts that name none.
 * @returns undefined when the text has not that form.
 */
export const parseRedisAddress = (url: string, defaultPort: number): RedisAddress | undefined => {
  const match = URL_FORM.exec(url);
  if (match === null) return undefined;
  const [, scheme, credentials = '', hostList = '', database = '0'] = match;
  const hosts = hostList.split(',').map((text) => readHost(text, defaultPort));
  const colon = credentials.includes(':') ? credentials.indexOf(':') : credentials.length;
  const username = decode(credentials.slice(0, colon));
  const password = decode(credentials.slice(colon + 1));
  if (username === undefined || password === undefined) return undefined;
  if (!hosts.every((host) => host !== undefined)) return undefined;
  return {
    hosts,
    username: username === '' ? undefined : username,
    password: password === '' ? undefined : password,
    database: Number(database),
    tls: scheme === 'rediss',
  };
};
