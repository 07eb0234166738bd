/** What a service shows to the world (replies, log, metrics, what lies in its stores), in a form that two runs share. */
import { DatabaseSync } from 'node:sqlite';
import type { Redis } from 'ioredis';
import type { TestApp } from './app.ts';
import type { PostgresDatabase } from './postgres-database.ts';
import { type Asked, SCRIPTED_MS } from './surface-scenario.ts';

/** Readable as JSON. */
export type Recorded = string | number | boolean | null | readonly Recorded[] | { readonly [name: string]: Recorded };

const SCRIPTED = new Set(Object.values(SCRIPTED_MS).flatMap((ms) => [String(ms), new Date(ms).toISOString()]));
const unlessScripted = (kind: string) => (text: string) => (SCRIPTED.has(text) ? text : kind);

/** What differs between two runs, and what stands for it; in this order, the longest first. */
const PLACEHOLDERS: readonly (readonly [RegExp, string | ((text: string) => string)])[] = [
  [/ng_[0-9a-f]{16}_[\w-]+/g, '<api-key>'],
  [/(?<=SNOW-)[0-9]{19}/g, '<snowflake>'],
  [/(?<=UUID-)[0-9a-f]{32}/g, '<uuidv7>'],
  [/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>'],
  [/(?<![\w-])[\w-]{43}=?(?![\w-])/g, '<hash>'],
  [/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g, '<hash>'],
  [/(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])/g, '<server>'],
  [/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z/g, unlessScripted('<time>')],
  [/(?<![0-9a-f])1[78][0-9]{14}(?![0-9a-f])/g, '<microseconds>'],
  [/(?<![0-9a-f])1[78][0-9]{11}(?![0-9a-f])/g, unlessScripted('<milliseconds>')],
  [/(?<![0-9a-f])1[78][0-9]{8}(?![0-9a-f])/g, '<seconds>'],
  [/(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])/g, '<id>'],
  [/(?<![0-9a-f])[0-9a-f]{12}(?![0-9a-f])/g, '<node>'],
];

const plain = (text: string): string =>
  PLACEHOLDERS.reduce((done, [pattern, kind]) => done.replace(pattern, kind as string), text);

/** Fields whose values are drawn or measured. */
const VOLATILE = new Set(['worker']);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** JSON that was stored or sent as text is looked into. */
const normalise = (value: unknown): Recorded => {
  if (typeof value === 'string') return plain(value);
  if (typeof value === 'bigint') return plain(String(value));
  if (typeof value === 'number') {
    const text = plain(String(value));
    return text === String(value) && Number.isFinite(value) ? value : text;
  }
  if (value instanceof Date) return plain(value.toISOString());
  if (Array.isArray(value)) return value.map(normalise);
  if (isObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [
        plain(name),
        VOLATILE.has(name) && inner !== null ? `<${name}>` : normalise(inner),
      ]),
    );
  }
  return value as boolean | null;
};

const sorted = (values: Iterable<Recorded>): Recorded[] =>
  [...values].toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

const distinct = (values: Iterable<Recorded>): Recorded[] =>
  sorted(new Map([...values].map((value) => [JSON.stringify(value), value])).values());

/** Under the same name after all that differs was replaced: all of them, in an order of their own. */
const grouped = (entries: Iterable<readonly [string, Recorded]>): Record<string, Recorded> => {
  const groups = Map.groupBy(entries, ([name]) => name);
  const names = [...groups.keys()].toSorted();
  return Object.fromEntries(names.map((name) => [name, sorted((groups.get(name) ?? []).map(([, value]) => value))]));
};

/** Of these the values are recorded with every reply. */
const TOLD_HEADERS = [
  'allow',
  'cache-control',
  'content-disposition',
  'content-type',
  'etag',
  'location',
  'retry-after',
  'vary',
  'www-authenticate',
  'x-number-source',
];

/** @returns each reply under its number and request, and once what all of them carry. */
export const recordReplies = (asked: readonly Asked[]): Recorded => {
  const [first, ...later] = asked.map(({ reply }) => new Set(Object.keys(reply.headers)));
  const common = later.reduce((shared, names) => shared.intersection(names), first ?? new Set());
  const replies = asked.map(({ method, url, reply: { status, headers, text, json } }, index) => {
    const told = TOLD_HEADERS.filter((name) => headers[name] !== undefined);
    const others = [...new Set(Object.keys(headers)).difference(common)]
      .filter((name) => name !== 'content-length' && !told.includes(name))
      .toSorted();
    return [
      `${String(index + 1).padStart(3, '0')} ${method} ${plain(url)}`,
      {
        status,
        headers: Object.fromEntries(told.map((name) => [name, normalise(headers[name])])),
        ...(others.length > 0 && { otherHeaders: others }),
        body: json === undefined ? plain(text).split('\r\n') : normalise(json),
      },
    ] as const;
  });
  return { 'every reply': [...common].toSorted(), ...Object.fromEntries(replies) };
};

/** That many lines like it came in a row, and that there was a pace to reckon with, is a matter of time. */
const PASSING_FIELDS = new Set(['left_out', 'reached_at']);

/** Not of the probes before the app was ready, which were refused until it was. */
const isAsked = ({ event, request_id: id }: Readonly<Record<string, unknown>>): boolean =>
  event !== 'request-refused' || String(id).startsWith('request-');

/** The kinds of lines, not how many there were or in which order: which of them came first is the machine's affair. */
export const recordLog = (log: TestApp['log']): Recorded =>
  distinct(
    log.filter(isAsked).map((line) => {
      const { event = null, level = null, msg = null } = line;
      const fields = Object.keys(line).filter((name) => !PASSING_FIELDS.has(name));
      return { event, level, msg: normalise(msg), fields: fields.toSorted() } as Recorded;
    }),
  );

const labelsOf = (text: string): [string, string][] =>
  [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name = '', value = '']) => [name, plain(value)]);

/** Calls that are made as time passes, so that a slow machine has some that a fast one has not; and that it was not ready at once. */
const IN_TIME = /"operation":"workers\.renew"|"route":"\/readyz","status(?:_class)?":"5/;

/** @param text in the format of Prometheus. Values are left out; of what Node.js itself shows, the labels too. */
export const recordMetrics = (text: string): Recorded => {
  const lines = text.split('\n');
  const metrics = lines.flatMap((line) => /^# HELP (\S+) (.*)$/.exec(line)?.slice(1, 3) ?? []);
  const names = metrics.filter((_, index) => index % 2 === 0);
  return Object.fromEntries(
    names.toSorted().map((name) => {
      const help = metrics[metrics.indexOf(name) + 1] ?? '';
      const type = lines.find((line) => line.startsWith(`# TYPE ${name} `))?.split(' ')[3] ?? '';
      if (!name.startsWith('number_generator_')) return [name, { type }];
      const samples = lines.flatMap((line) => {
        const [, suffix = '', labels = ''] =
          new RegExp(`^${name}(_bucket|_sum|_count)?(?:\\{(.*)\\})? `).exec(line) ?? [];
        return line.startsWith('#') || !new RegExp(`^${name}(?:_bucket|_sum|_count)?[ {]`).test(line)
          ? []
          : [{ suffix, labels: labelsOf(labels) }];
      });
      const bounds = new Set(
        samples.flatMap(({ labels }) => labels.filter(([label]) => label === 'le').map(([, le]) => le)),
      );
      const labels = distinct(
        samples.map((sample) => Object.fromEntries(sample.labels.filter(([label]) => label !== 'le'))),
      ).filter((sample) => !IN_TIME.test(JSON.stringify(sample)));
      return [name, { type, help, ...(bounds.size > 0 && { bounds: [...bounds] }), labels }];
    }),
  );
};

const jsonOr = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

/** A node at rest calls now and then, and numbers its calls: of the last one the words are counted, and its reply left out. */
const withoutCall = (field: string, value: string): string =>
  /^n:[0-9a-f]{12}$/.test(field)
    ? `${value.split(' ').slice(0, 7).length} words and a reply`
    : value.replaceAll(/(?<=@)[0-9]+/g, '<call>');

const readKey = async (client: Redis, key: string, type: string): Promise<Recorded> => {
  if (type === 'string') return plain((await client.get(key)) ?? '');
  if (type !== 'hash') return '';
  const fields = Object.entries(await client.hgetall(key)).map(
    ([field, value]) => [field, withoutCall(field, value)] as const,
  );
  return grouped(
    fields.map(([field, value]) => [
      plain(field).replace(/^(worker:0:)[0-9]+/, '$1<worker>'),
      normalise(jsonOr(value)),
    ]),
  );
};

/** There for seconds after a look at the health, or after a key was used: a busy machine sees them gone. */
const PASSING_KEYS = /^idempotency:(?:probe|quota):/;

/** Every key of the database but those. */
export const recordRedis = async (client: Redis): Promise<Recorded> => {
  const entries: [string, Recorded][] = [];
  for (const key of await client.keys('*')) {
    if (PASSING_KEYS.test(key)) continue;
    const type = await client.type(key);
    const expires = (await client.pttl(key)) >= 0;
    entries.push([plain(key), { type, expires, value: await readKey(client, key, type) }]);
  }
  return grouped(entries);
};

/** Every table: its columns, its indexes, its rows. */
export const recordPostgres = async ({ query }: PostgresDatabase): Promise<Recorded> => {
  const columns = await query(
    `SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
     WHERE table_schema = 'public' ORDER BY table_name, ordinal_position`,
  );
  const indexes = await query(
    `SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexdef`,
  );
  const tables = [...new Set(columns.map(({ table_name }) => String(table_name)))];
  const recorded: Record<string, Recorded> = {};
  for (const table of tables) {
    // How many nodes a segment prefix has registered after a while, is a matter of time.
    const inOrder = table === 'nodes' ? distinct : sorted;
    recorded[table] = {
      columns: columns
        .filter(({ table_name }) => table_name === table)
        .map(
          ({ column_name, data_type, is_nullable }) =>
            `${column_name} ${data_type}${is_nullable === 'NO' ? ' NOT NULL' : ''}`,
        ),
      indexes: indexes.filter(({ tablename }) => tablename === table).map(({ indexdef }) => String(indexdef)),
      rows: inOrder((await query(`SELECT * FROM "${table}"`)).map((row) => normalise(opened(row)))),
    };
  }
  return recorded;
};

const opened = (row: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      typeof value === 'string' && /^[[{]/.test(value) ? jsonOr(value) : value,
    ]),
  );

/** Of trial writes, made when there was no other write for a while: how many there are depends on time alone. */
const UNRECORDED = 'probes';

/** Every table and index as it was made, and every row. @param path of a database that no process has open. */
export const recordSqlite = (path: string): Recorded => {
  const database = new DatabaseSync(path, { readBigInts: true });
  const schema = database
    .prepare(`SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name`)
    .all();
  const recorded = Object.fromEntries(
    schema.map(({ type, name, sql }) => [
      String(name),
      {
        sql: String(sql).replaceAll(/\s+/g, ' '),
        ...(type === 'table' &&
          name !== UNRECORDED && {
            rows: sorted(
              database
                .prepare(`SELECT * FROM "${name}"`)
                .all()
                .map((row) => normalise(opened(row))),
            ),
          }),
      },
    ]),
  );
  const version = normalise(database.prepare('PRAGMA user_version').get());
  database.close();
  return { ...recorded, version };
};

const LINE_MAX = 160;

/** As a file in which a change is a few lines: what is short stands on one. */
export const toText = (value: Recorded, indent = ''): string => {
  const short = JSON.stringify(value);
  if (typeof value !== 'object' || value === null || short.length + indent.length <= LINE_MAX) return short;
  const inner = `${indent}  `;
  const lines = Array.isArray(value)
    ? value.map((item) => inner + toText(item, inner))
    : Object.entries(value).map(([name, item]) => `${inner}${JSON.stringify(name)}: ${toText(item, inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${lines.join(',\n')}\n${indent}${close}`;
};
