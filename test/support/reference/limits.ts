/** docs/limits.md: every limit with the figure that stands in the code. */
import { readConstant, readFigure } from './code-constants.ts';

interface Limit {
  readonly what: string;
  /** Below `src/`. */
  readonly path: string;
  readonly limit: (of: (name: string) => number) => string;
}

const count = (value: number): string => value.toLocaleString('en');

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** In the largest unit that it is a whole number of; a day is 24 h. */
const time = (ms: number): string => {
  const [unit, size] = UNITS.find(([name, ms_]) => ms % ms_ === 0 && (name !== 'd' || ms > ms_)) ?? ['ms', 1];
  return `${count(ms / size)} ${unit}`;
};

const bytes = (value: number): string => {
  const isLarge = value % (1_024 * 1_024) === 0;
  return isLarge ? `${value / (1_024 * 1_024)} MiB` : `${value / 1_024} KiB`;
};

const at = (what: string, path: string, limit: Limit['limit']): Limit => ({ what, path, limit });

const COUNTER = 'allocators/counter/machine/counter-limits.ts';
const GAPLESS = 'allocators/gapless/gapless-limits.ts';
const KEYS = 'services/access/api-key-cache.ts';
const ISSUER = 'access/jwks-verifier.ts';
const CONNECTION = 'http/connections/connection-gate.ts';
const SCRIPT = 'stores/redis/lua/reserve.lua';

const LIMITS: Readonly<Record<string, readonly Limit[]>> = {
  Requests: [
    at('numbers in a request', 'services/numbers/number-service.ts', (of) => count(of('COUNT_MAX'))),
    at('a request body', 'http/bare-server.ts', (of) => bytes(of('BODY_BYTES_MAX'))),
    at('the body of a prefix config', 'http/routes/prefix-configs.ts', (of) => bytes(of('BODY_BYTES_MAX'))),
    at('levels of a JSON body', 'http/wire/json-bodies.ts', (of) => count(of('LEVELS_MAX'))),
    at('fields and elements of a JSON body', 'http/wire/json-bodies.ts', (of) => count(of('MEMBERS_MAX'))),
    at('problems named in a reply', 'core/errors.ts', (of) => count(of('PROBLEMS_MAX'))),
    at(
      'a TLS handshake, the headers',
      'config/security-settings.ts',
      (of) => `\`HEADERS_TIMEOUT_MS\` (${time(of('HEADERS_TIMEOUT_MS'))})`,
    ),
    at(
      'a whole request',
      'config/security-settings.ts',
      (of) => `\`REQUEST_TIMEOUT_MS\` (${time(of('REQUEST_TIMEOUT_MS'))})`,
    ),
    at('requests waiting on a connection', CONNECTION, (of) => `${count(of('WAITING_MAX'))}, then it is closed`),
    at(
      'unread replies in a process',
      CONNECTION,
      (of) => `${bytes(of('UNSENT_BYTES_MAX'))}, then the largest are cut off`,
    ),
    at(
      'requests of a client',
      'services/access/request-counter.ts',
      (of) =>
        `\`RATE_LIMIT_PER_SECOND\`; ${count(of('CLIENTS_MAX'))} clients are counted, added up every ${time(of('SHARE_MS'))}`,
    ),
    at('numbers with check digits printed in a turn', 'core/template/printer.ts', (of) =>
      count(of('NUMBERS_PER_PIECE')),
    ),
  ],
  'Prefixes and templates': [
    at('a template', 'core/template/template.ts', (of) => `${count(of('FORMAT_LENGTH_MAX'))} characters`),
    at(
      'a printed number',
      'core/template/layout.ts',
      (of) => `${count(of('PRINTED_LENGTH_MAX'))} characters, ${of('CHECKS_MAX')} check digits`,
    ),
    at('a prefix key', 'core/template/layout.ts', (of) => `${count(of('PREFIX_KEY_LENGTH_MAX'))} characters`),
    at('variables of a request', 'http/schemas/variables.ts', (of) => count(of('VARIABLES_MAX'))),
    at('the value of a variable', 'core/template/layout.ts', (of) => `${count(of('GIVEN_LENGTH_MAX'))} characters`),
    at(
      'history of a prefix',
      'core/prefix-config/prefix-history.ts',
      (of) => `${count(of('HISTORY_MAX'))} collision rules`,
    ),
    at('prefixes compared with a new one', 'services/prefix-configs/printed-prefixes.ts', (of) =>
      count(of('PREFIXES_MAX')),
    ),
    at(
      'prefixes whose numbers begin alike',
      'core/collision/collision-index.ts',
      (of) => `${count(of('COMPARISONS_MAX'))}, then 409`,
    ),
    at(
      'series kept in memory',
      'services/numbers/series-cache.ts',
      (of) => `${count(of('CACHED_MAX'))}, then the oldest goes`,
    ),
    at('configs read again', 'services/numbers/series-cache.ts', (of) => `every ${time(of('REFRESH_INTERVAL_MS'))}`),
    at(
      'closing a period',
      'services/sequences/sequence-service.ts',
      (of) => `from ${time(of('CLOCKS_APART_MS'))} after its end`,
    ),
  ],
  'Idempotency and reservations': [
    at(
      'an idempotency key',
      'http/wire/idempotency-key.ts',
      () => `${readFigure('http/wire/idempotency-key.ts', /KEY = \/.*\{1,(\d+)\}/)} characters`,
    ),
    at('a receipt', 'core/values/receipt.ts', (of) => `kept for ${time(of('RECEIPT_TTL_MS'))}`),
    at(
      'a keyed request whose trip failed',
      COUNTER,
      (of) => `tried again for ${time(of('COUNTER_LIMITS.keyedGraceMs'))}, then 503`,
    ),
    at(
      'claims owed to Redis',
      'allocators/key-claims.ts',
      (of) => `${count(of('lateMax'))}, tried every ${time(of('retryMs'))}`,
    ),
    at('callers counted in the embedded store', 'core/allowance/allowances.ts', (of) => count(of('CLIENTS_MAX'))),
    at(
      'a reservation',
      'http/schemas/reservations.ts',
      (of) => `1 s to ${time(of('TTL_SECONDS_MAX') * 1_000)}, by default ${time(of('TTL_SECONDS_DEFAULT') * 1_000)}`,
    ),
    at('temporary numbers kept by a node', 'services/numbers/temporary-number-service.ts', (of) =>
      count(of('KEPT_MAX')),
    ),
  ],
  Counting: [
    at('requests waiting for the store', COUNTER, (of) => `${count(of('COUNTER_LIMITS.waitingMax'))}, then 503`),
    at(
      'sequences in use on a node',
      COUNTER,
      (of) =>
        `${count(of('COUNTER_LIMITS.queuesMax'))}; given up after ${time(of('COUNTER_LIMITS.tickMs') * of('COUNTER_LIMITS.idleTicksMax'))} without a request`,
    ),
    at('sequences in a trip', COUNTER, (of) => count(of('COUNTER_LIMITS.callEntriesMax'))),
    at(
      'values of a sequence in a trip',
      COUNTER,
      (of) => `${count(of('COUNTER_LIMITS.entryValuesMax'))}, or one request`,
    ),
    at('patience before the standby serves', COUNTER, (of) => time(of('COUNTER_LIMITS.patienceMs'))),
    at(
      'nodes kept per sequence',
      SCRIPT,
      (of) =>
        `${count(of('NODES_MAX'))}, then those silent for ${time(of('KEEP_SECONDS') * 1_000)} are folded into the gap record`,
    ),
    at('ranges ahead of a counter', SCRIPT, (of) => `${count(of('AHEAD_MAX'))}, then no standby is offered`),
    at('distance of a standby', SCRIPT, (of) => `${count(of('DISTANCE_CALLS'))} calls of all nodes`),
    at(
      'the window of a ceiling',
      'allocators/counter/machine/ceiling-window.ts',
      (of) =>
        `at least ${count(of('VALUES_MIN'))} values and ${of('STANDBY_SEGMENTS')} × \`STANDBY_SIZE\`, or ${count(of('STANDBY_ROOM_MAX'))} and one \`STANDBY_SIZE\`, if that is less; at most 1/${of('LEFT_PART')} of the values left`,
    ),
  ],
  'Recovery and registration': [
    at(
      'waiting for reports',
      'allocators/counter/machine/recovery-decision.ts',
      (of) => `${time(of('JUMP_AFTER_MS'))}, then a jump; without PostgreSQL at least ${time(of('EXACT_AFTER_MS'))}`,
    ),
    at(
      'waiting for a node heard of lately, or for nodes to swear off an epoch',
      COUNTER,
      (of) => `${time(of('COUNTER_LIMITS.livingPatienceMs'))}, then a jump`,
    ),
    at(
      'nodes waited for without PostgreSQL',
      'stores/redis/lua/reserve/fence.lua',
      (of) => `those of the last ${time(of('RECENT_SECONDS') * 1_000)}`,
    ),
    at(
      'reports in a trip',
      'allocators/counter/machine/recovery.ts',
      (of) => `${count(of('REPORTS_MAX'))}, again after ${time(of('POLL_MS'))}`,
    ),
    at('turn of a node to end a recovery', 'allocators/counter/machine/recovery-decision.ts', (of) =>
      time(of('TURN_MS')),
    ),
    at(
      'ranges a node can report',
      'allocators/counter/machine/taken-history.ts',
      (of) => `the latest ${count(of('RANGES_MAX'))} at least`,
    ),
    at('a registration', COUNTER, (of) => `renewed every ${time(of('COUNTER_LIMITS.renewMs'))}`),
    at(
      'a node that cannot renew it',
      'allocators/counter/machine/registration.ts',
      (of) => `stops counting after ${time(of('LAPSED_AFTER_MS'))}`,
    ),
    at(
      'a silent node',
      'stores/postgres/sql/bury-nodes.sql',
      () => `buried after ${readFigure('stores/postgres/sql/bury-nodes.sql', /interval '([^']+)'/)}`,
    ),
    at(
      'a failed raise of a ceiling',
      'allocators/counter/machine/ceiling.ts',
      (of) => `tried every ${time(of('RETRY_MS'))}`,
    ),
    at('confirmation of a ceiling by a replica', 'stores/redis/redis-counter-store.ts', (of) =>
      time(of('CONFIRM_TIMEOUT_MS')),
    ),
    at('an advance', 'allocators/counter/machine/advance.ts', (of) => `${time(of('WAIT_MAX_MS'))}, then 503`),
    at(
      'a read that waits for a recovery',
      'services/shared/sequence-reads.ts',
      (of) => `${time(of('WAIT_MAX_MS'))}, then 503`,
    ),
    at('a stop that waits for a recovery', 'allocators/counter/machine/shutdown.ts', (of) =>
      time(of('RECOVERY_MAX_MS')),
    ),
  ],
  Gapless: [
    at('requests waiting for the ledger', GAPLESS, (of) => `${count(of('GAPLESS_LIMITS.waitingMax'))}, then 503`),
    at('calls under way', GAPLESS, (of) => count(of('GAPLESS_LIMITS.callsMax'))),
    at(
      'sequences and values in a call',
      GAPLESS,
      (of) => `${count(of('GAPLESS_LIMITS.callSequencesMax'))} and ${count(of('GAPLESS_LIMITS.callValuesMax'))}`,
    ),
    at(
      'attempts at a call whose outcome is unknown',
      GAPLESS,
      (of) => `${count(of('GAPLESS_LIMITS.attemptsMax'))}, then 503`,
    ),
    at(
      'abandoned calls',
      GAPLESS,
      (of) =>
        `${count(of('GAPLESS_LIMITS.abandonedMax'))}, cancelled every ${time(of('GAPLESS_LIMITS.cancelRetryMs'))}`,
    ),
    at(
      'a call on the ledger',
      'stores/postgres/sql/write-ledger.sql',
      () => `kept for ${readFigure('stores/postgres/sql/write-ledger.sql', /interval '(1 day)'/)}`,
    ),
    at('sequences whose changes a node keeps', 'allocators/gapless/mark-book.ts', (of) => count(of('SEQUENCES_MAX'))),
    at('numbers lost by an advance without `force`', 'services/sequences/sequence-advance.ts', (of) =>
      count(of('ADVANCE_LOST_MAX')),
    ),
  ],
  'Segments and snowflakes': [
    at(
      'a leased range',
      'allocators/segment/segment-size.ts',
      (of) =>
        `${count(of('SEGMENT_SIZE_MIN'))} … ${count(of('SEGMENT_SIZE_MAX'))} values; lasts ${time(of('RANGE_LASTS_MS'))}`,
    ),
    at('an unused range', 'allocators/segment/segment-queue.ts', (of) => `given back after ${time(of('IDLE_MAX_MS'))}`),
    at(
      'after a failed lease',
      'allocators/segment/segment-allocator.ts',
      (of) => `refused for ${time(of('PAUSE_MS'))}`,
    ),
    at(
      'requests waiting for a range',
      'allocators/segment/segment-allocator.ts',
      (of) => `${count(of('WAITING_MAX'))}, then 503`,
    ),
    at(
      'requests waiting for the clock or a worker id',
      'allocators/snowflake/snowflake-allocator.ts',
      (of) => `${count(of('WAITING_MAX'))}; ${time(of('WAIT_TOTAL_MAX_MS'))}, then 503`,
    ),
    at(
      'lease of a worker id',
      'core/snowflake/worker-lease-store.ts',
      (of) => `${time(of('WORKER_LEASE_MS'))}, used for ${time(of('WORKER_USE_MS'))}`,
    ),
    at('worker ids of a data centre', 'core/snowflake/snowflake.ts', (of) => count(of('WORKER_MAX') + 1)),
    at('ids of a worker in a millisecond', 'core/snowflake/snowflake.ts', (of) => count(of('SEQUENCE_MAX') + 1)),
  ],
  Stores: [
    at('a Redis command', 'config/settings.ts', () => '`REDIS_TIMEOUT_MS`, then the socket is destroyed'),
    at('between attempts to reconnect to Redis', 'stores/redis/connection/redis-options.ts', (of) =>
      time(of('RECONNECT_DELAY_MAX_MS')),
    ),
    at('redirections in a cluster', 'stores/redis/cluster/cluster-commands.ts', (of) => count(of('REDIRECTIONS_MAX'))),
    at('settings of Redis checked', 'stores/redis/settings/redis-checks.ts', (of) => `every ${time(of('LOOK_MS'))}`),
    at(
      'a write tried on Redis for `/readyz`',
      'stores/redis/redis-probe.ts',
      (of) => `every ${time(of('WRITE_EVERY_MS'))}`,
    ),
    at(
      'a write tried on SQLite for `/readyz`, without another one',
      'stores/sqlite/sqlite-probe.ts',
      (of) => `every ${time(of('OUTCOME_MAX_AGE_MS'))}`,
    ),
    at(
      'connections to PostgreSQL',
      'stores/postgres/postgres-client.ts',
      (of) => `${count(of('CONNECTIONS_MAX'))}; ${count(of('WAITING_MAX'))} calls wait, then 503`,
    ),
    at('migrations', 'stores/postgres/postgres-client.ts', (of) => time(of('MIGRATION_TIMEOUT_MS'))),
    at(
      'changes of configs waiting for PostgreSQL',
      'stores/postgres/postgres-prefix-config-copy.ts',
      (of) => `${count(of('WAITING_MAX'))}, then 503`,
    ),
  ],
  Credentials: [
    at(
      'an API key',
      'http/schemas/api-keys.ts',
      (of) => `${of('SCOPES_MAX')} scopes, ${of('NAME_LENGTH_MAX')} characters of name, ${count(of('DAYS_MAX'))} days`,
    ),
    at('keys made by keys', 'services/access/api-key-service.ts', (of) => `${of('MAKERS_MAX')} in a row`),
    at(
      'API keys kept',
      KEYS,
      (of) => `${count(of('KEYS_MAX'))}; rechecked after ${time(of('FRESH_MS'))}, used for ${time(of('USABLE_MS'))}`,
    ),
    at('an API key while the store is away', KEYS, (of) => `used for ${time(of('KNOWN_LAST_MAX_MS'))}`),
    at(
      'lookups of API keys',
      KEYS,
      (of) => `${count(of('ASKED_AT_ONCE_MAX'))} in a call; ${count(of('WAITING_MAX'))} wait, then 503`,
    ),
    at(
      'verified tokens kept',
      'access/verified-tokens.ts',
      (of) => `${count(of('TOKENS_MAX'))}, for ${time(of('AGE_MAX_MS'))}`,
    ),
    at(
      'keys of an issuer',
      ISSUER,
      (of) => `${of('KEYS_MAX')} keys, ${bytes(of('BYTES_MAX'))}, fetched within ${time(of('FETCH_TIMEOUT_MS'))}`,
    ),
    at(
      'age of the keys of an issuer',
      ISSUER,
      (of) => `${time(of('KEYS_AGE_MAX_MS'))}; ${time(of('STALE_AGE_MAX_MS'))} more while it is away`,
    ),
    at('fetches for unknown key ids', ISSUER, (of) => `one in ${time(of('UNKNOWN_KEY_PAUSE_MS'))}`),
    at('a subject', 'core/subject.ts', (of) => `${count(of('LENGTH_MAX'))} characters`),
    at('entries in a setting', 'config/security-settings.ts', (of) => count(of('LIST_MAX'))),
  ],
  'Reports, readings and metrics': [
    at(
      'completeness reports on a node',
      'services/completeness/completeness-service.ts',
      (of) => `${of('REPORTS_MAX')}, then 503; ${of('SHARE_MAX')} of a caller or prefix, then 429`,
    ),
    at('a reader that takes nothing of a report', 'http/wire/report-stream.ts', (of) =>
      time(of('REPORT_LIMITS.stallMs')),
    ),
    at('a whole report', 'http/wire/report-stream.ts', (of) => time(of('REPORT_LIMITS.totalMs'))),
    at('gaps of a report read at once', 'services/completeness/counter-runs.ts', (of) => count(of('GAPS_PER_PAGE'))),
    at('a number to be read', 'http/schemas/templates.ts', (of) => `${count(of('NUMBER_LENGTH_MAX'))} characters`),
    at(
      'configs searched for a number',
      'services/completeness/reader-index.ts',
      (of) => `${count(of('CONFIGS_MAX'))}; ${of('READERS_MAX')} are tried`,
    ),
    at(
      'sequences whose pace is kept',
      'services/watchers/capacity-watcher.ts',
      (of) => `${count(of('WATCHED_MAX'))}, looked at every ${time(of('LOOK_INTERVAL_MS'))}`,
    ),
    at(
      'gap records counted',
      'services/watchers/gap-watcher.ts',
      (of) => `${count(of('SEQUENCES_MAX'))}, every ${time(of('LOOK_INTERVAL_MS'))}`,
    ),
    at('prefixes watched for strangers', 'services/watchers/open-share-watcher.ts', (of) => count(of('WATCHED_MAX'))),
    at(
      'spans waiting to be sent',
      'telemetry/traces/tracing.ts',
      (of) => `${count(of('QUEUE_MAX'))}, then dropped; a delivery takes ${time(of('EXPORT_TIMEOUT_MS'))} at most`,
    ),
    at('lines of a cause in the log', 'telemetry/logs/log-sampling.ts', (of) => `one in ${time(of('INTERVAL_MS'))}`),
  ],
  Process: [
    at(
      'a stop',
      'config/settings.ts',
      (of) =>
        `\`SHUTDOWN_TIMEOUT_MS\` (${time(of('SHUTDOWN_TIMEOUT_MS'))}), of which \`SHUTDOWN_DRAIN_MS\` (${time(of('SHUTDOWN_DRAIN_MS'))}) serving`,
    ),
    at('an idle connection', 'http/bare-server.ts', (of) => time(of('KEEP_ALIVE_TIMEOUT_MS'))),
    at('the command `healthcheck`', 'commands/healthcheck.ts', (of) => time(of('TIMEOUT_MS'))),
  ],
};

const rowOf = ({ what, path, limit }: Limit): string =>
  `| ${what} | ${limit((name) => readConstant(path, name))} | \`${path}\` |`;

export const limitsReference = (): string => {
  const sections = Object.entries(LIMITS).map(
    ([title, limits]) => `## ${title}

| what | limit | where |
| --- | --- | --- |
${limits.map(rowOf).join('\n')}
`,
  );
  return `# Limits

Every queue, loop, body and wait has a limit. What callers share has settings:
[configuration.md](configuration.md#what-callers-may-use).

\`npm run docs\` writes this page from the constants in \`src/\`.

${sections.join('\n')}`;
};
