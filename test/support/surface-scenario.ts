/** One scripted life of a service that uses every part of its API once: what `recorded-surface.test.ts` records. */
import { bearer, type TestApp, type TestReply } from './app.ts';

/** The clock of the scenario says only these. In the years to come, so that no clock of a server is taken for them. */
export const SCRIPTED_MS = {
  march: Date.parse('2027-03-10T10:20:30.456Z'),
  april: Date.parse('2027-04-02T08:09:10.111Z'),
} as const;

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly reply: TestReply;
}

interface Extras {
  readonly body?: unknown;
  /** Instead of the administrator's token. */
  readonly as?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

const ADMIN = bearer();
const narrowed = (scope: string): Record<string, string> => bearer({ scope, subject: 'narrowed' });
const NOBODY = {};
const keyed = (key: string) => ({ 'idempotency-key': `"${key}"` });

/** Settings under which the refusals of the scenario come about, and no busy machine brings another. */
export const SCENARIO_ENV: Readonly<Record<string, string>> = {
  REDIS_TIMEOUT_MS: '60000',
  DATABASE_TIMEOUT_MS: '60000',
  STANDBY_SIZE: '5',
  RESERVATIONS_MAX: '3',
  OPEN_COUNT_MAX: '10',
};

/** Each request names itself, so that log and stores hold the same ids in every run. */
export const createAsking = (app: TestApp) => {
  const asked: Asked[] = [];
  const ask = async (method: string, url: string, { body, as = ADMIN, headers }: Extras = {}): Promise<TestReply> => {
    const reply = await app.call(method, url, body, {
      ...as,
      'x-request-id': `request-${asked.length + 1}`,
      ...headers,
    });
    asked.push({ method, url, reply });
    return reply;
  };
  return { asked, ask };
};

type Ask = ReturnType<typeof createAsking>['ask'];

const register = async (ask: Ask): Promise<void> => {
  const put = (key: string, body: object, query = '') => ask('PUT', `/api/prefix-configs/${key}${query}`, { body });
  await put('INV', { format: 'INV-{year}-{SEQ:6}', reset: 'yearly', initialSeq: 100 }, '?reason=the%20first%20series');
  await put('MON', { format: 'M{year}{month}-{SEQ:4}', reset: 'monthly', time_zone: 'Europe/Berlin', allowPast: true });
  await put('BRANCH', { format: 'B-{var:branch}-{SEQ:3}{check:mod97}', outage: 'reject' });
  await put('STEP', { format: 'STEP{SEQ:6}', initial_seq: '41', outage: 'reject' });
  await put('FEW', { format: 'FEW{SEQ:1}', overflow: 'reject', outage: 'temporary' });
  await put('GAP', { format: 'GAP-{SEQ:5}', strategy: 'gapless' });
  await put('SEG', { format: 'SEG-{SEQ:8}', strategy: 'segment' });
  await put('SNOW', { format: 'SNOW-{SEQ:19}', strategy: 'snowflake' });
  await put('UUID', { format: 'UUID-{SEQ:20}', strategy: 'uuidv7' });
  await put('GONE', { format: 'GONE-{fiscalYear}-{SEQ:4}', reset: 'fiscal-yearly', fiscal_year_start: '07-01' });
  await ask('POST', '/api/prefix-configs/ALSO', { body: { format: 'INV-2026-{SEQ:6}', allowCollision: true } });
};

const refuseConfigs = async (ask: Ask): Promise<void> => {
  const put = (key: string, body: unknown, extras: Extras = {}) =>
    ask('PUT', `/api/prefix-configs/${key}`, { body, ...extras });
  await put('INV', { format: 'INV-{SEQ:6}' });
  await put('LIKE', { format: 'INV-2027-{SEQ:6}' });
  await put('BAD', { format: 'BAD-{SEQ}', colour: 'red', seqLength: 40 });
  await put('BAD', { format: 'BAD-{sequence}' });
  await put('BAD', { format: 'BAD-{SEQ:21}' });
  await put('BAD', { format: 'BAD-{SEQ:3}', reset: 'monthly' });
  await put('BAD', 'no JSON');
  await put('SHOP', { format: 'SHOP{SEQ:3}' }, { as: NOBODY });
  await put('SHOP', { format: 'SHOP{SEQ:3}' }, { as: { authorization: 'Bearer a.b.c' } });
  await put('SHOP', { format: 'SHOP{SEQ:3}' }, { as: narrowed('configs:write:OTHER-*') });
  await put('BAD', { format: 'x'.repeat(1_200_000) });
  await put('NONE', { format: 'NONE{SEQ:3}' }, { headers: { 'if-match': '"1"' } });
  await ask('GET', '/api/prefix-configs/NONE');
  await ask('GET', '/api/nothing');
  await ask('PUT', '/api/numbers');
};

const changeConfigs = async (ask: Ask): Promise<void> => {
  const { headers } = await ask('GET', '/api/prefix-configs/INV');
  const inv = '/api/prefix-configs/INV';
  const body = { format: 'INV-{year}-{SEQ:7}', reset: 'yearly', initialSeq: 100, allowCollision: true };
  await ask('PUT', `${inv}?reason=longer`, { body, headers: { 'if-match': String(headers['etag']) } });
  await ask('PUT', inv, { body, headers: { 'if-match': '"1"' } });
  await ask('PATCH', inv, { body: { timeZone: 'Asia/Tokyo', overflow: null } });
  await ask('PATCH', inv, { body: { timeZone: 'Asia/Tokyo' } });
  await ask('PATCH', inv, { body: { strategy: 'gapless' } });
  await ask('GET', '/api/numbers/GONE?count=2');
  await ask('DELETE', '/api/prefix-configs/GONE?reason=closed', { headers: { 'if-match': '"9"' } });
  await ask('DELETE', '/api/prefix-configs/GONE?reason=closed');
  await ask('DELETE', '/api/prefix-configs/GONE');
  const page = await ask('GET', '/api/prefix-configs?limit=3');
  await ask('GET', `/api/prefix-configs?limit=100&cursor=${page.json.nextCursor}`);
};

const takeNumbers = async (ask: Ask): Promise<void> => {
  const post = (body: object, extras: Extras = {}) => ask('POST', '/api/numbers', { body, ...extras });
  await ask('GET', '/api/numbers/INV');
  await ask('GET', '/api/numbers?prefixKey=INV&count=3');
  await post({ prefix_key: 'INV', count: 2 }, { as: NOBODY });
  await post({ prefixKey: 'BRANCH', variables: { branch: 'NORTH' } });
  await ask('GET', '/api/numbers/BRANCH?variables=branch:SOUTH&count=2');
  await post({ prefixKey: 'MON', date: '2027-02-27' });
  await post({ prefixKey: 'MON' });
  for (const key of ['GAP', 'SEG', 'SNOW', 'UUID']) await ask('GET', `/api/numbers/${key}?count=2`);
  await ask('GET', '/api/numbers/FEW?count=8');
  await ask('GET', '/api/numbers/STEP?count=4');
  for (const key of ['INV', 'GAP', 'MON']) {
    await post({ prefixKey: key, count: 2 }, { headers: keyed(`once-${key}`) });
    await post({ prefixKey: key, count: 2 }, { headers: keyed(`once-${key}`) });
    await post({ prefixKey: key, count: 1 }, { headers: keyed(`once-${key}`) });
  }
  await post({ prefixKey: 'GAP', count: 2 }, { headers: keyed('once-INV') });
  await post({ prefixKey: 'UUID' }, { headers: keyed('none') });
  await ask('GET', '/api/numbers/FEW?count=3');
  await ask('GET', '/api/numbers/NONE');
  await ask('GET', '/api/numbers/INV?count=11', { as: NOBODY });
  await ask('GET', '/api/numbers/INV?count=0&colour=red');
  await ask('GET', '/api/numbers/BRANCH');
  await post({ prefixKey: 'INV', date: '2028-12-31' });
};

const reserveNumbers = async (ask: Ask): Promise<void> => {
  const reserve = async (body: object, extras: Extras = {}): Promise<string> =>
    `/api/reservations/${(await ask('POST', '/api/reservations', { body, ...extras })).json.id}`;
  const first = await reserve({ prefixKey: 'GAP', ttlSeconds: 600_000 }, { headers: keyed('reserved') });
  await reserve({ prefixKey: 'GAP', ttlSeconds: 600_000 }, { headers: keyed('reserved') });
  const second = await reserve({ prefixKey: 'GAP' });
  const third = await reserve({ prefixKey: 'GAP' });
  await reserve({ prefixKey: 'GAP' });
  await reserve({ prefixKey: 'INV' });
  await ask('POST', `${first}/confirm`);
  await ask('POST', `${first}/confirm`);
  await ask('POST', `${second}/void`, { body: { reason: 'the customer left' } });
  await ask('POST', `${second}/confirm`);
  await ask('GET', second);
  await ask('GET', third);
  await ask('GET', '/api/reservations/00000000-0000-4000-8000-000000000000');
};

const readSequences = async (ask: Ask): Promise<void> => {
  for (const key of ['INV', 'STEP', 'GAP', 'SEG', 'SNOW']) await ask('GET', `/api/sequences/${key}`);
  await ask('GET', '/api/sequences/STEP/gaps?limit=10');
  await ask('GET', '/api/prefix-configs/INV/preview');
  await ask('GET', '/api/prefix-configs/BRANCH/preview?variables=branch:WEST');
  for (const key of ['INV', 'GAP', 'SEG', 'STEP']) await ask('GET', `/api/sequences/${key}/report`);
  await ask('GET', '/api/sequences/STEP/report?format=csv');
  await ask('GET', '/api/sequences/GAP/report', { headers: { accept: 'text/csv' } });
  const parse = (body: object) => ask('POST', '/api/numbers/parse', { body });
  await parse({ number: 'INV-2027-0000101' });
  await parse({ number: 'GAP-00001', prefixKey: 'GAP' });
  await parse({ number: 'nothing of ours' });
  await ask('POST', '/api/templates/validate?prefixKey=NEXT', {
    body: { format: 'NEXT-{yy}{month}-{SEQ:5}{check:luhn}' },
  });
  await ask('POST', '/api/templates/validate', { body: { format: 'no sequence' } });
};

const moveSequences = async (ask: Ask): Promise<void> => {
  const advance = (key: string, body: object) => ask('POST', `/api/sequences/${key}/advance`, { body });
  await advance('INV', { to: '500', reason: 'looked at', dryRun: true });
  // Of one without a standby: when that is given back, a second later or in the same, is nobody's affair.
  await advance('STEP', { to: '500', reason: 'printed elsewhere' });
  await advance('STEP', { to: '100', reason: 'backwards' });
  await advance('GAP', { to: '30', reason: 'restored' });
  await advance('GAP', { to: '9000000', reason: 'too far' });
  await advance('SNOW', { to: '30', reason: 'no counter' });
  await ask('GET', '/api/numbers/STEP');
  await ask('GET', '/api/numbers/GAP');
};

const useApiKeys = async (ask: Ask): Promise<void> => {
  const body = { name: 'web shop', scopes: ['numbers:issue:INV', 'configs:read'], expiresInDays: 30 };
  const made = await ask('POST', '/api/api-keys', { body });
  await ask('POST', '/api/api-keys', { body, as: narrowed('configs:read') });
  await ask('POST', '/api/api-keys', { body: { name: '', scopes: ['everything'] } });
  const as = { 'x-api-key': String(made.json.key) };
  await ask('GET', '/api/numbers/INV', { as });
  await ask('GET', '/api/prefix-configs/INV', { as });
  await ask('DELETE', '/api/prefix-configs/INV', { as });
  await ask('GET', '/api/api-keys');
  await ask('DELETE', `/api/api-keys/${made.json.id}`);
  await ask('DELETE', `/api/api-keys/${made.json.id}`);
  await ask('GET', '/api/prefix-configs/INV', { as });
  await ask('POST', '/api/api-keys', { body: { name: 'for good', scopes: ['keys:admin'], expiresInDays: null } });
};

const closePeriods = async (ask: Ask): Promise<void> => {
  const close = (key: string, period: string, extras: Extras = {}) =>
    ask('POST', `/api/sequences/${key}/periods/${period}/close`, { body: { reason: 'the books are shut' }, ...extras });
  await ask('GET', '/api/numbers/MON?count=2');
  await close('MON', '2027-03');
  await close('MON', '2027-03');
  await close('MON', '2027-04');
  await close('INV', '2026', { as: narrowed('configs:read') });
  await ask('POST', '/api/numbers', { body: { prefixKey: 'MON', date: '2027-03-09' } });
  await ask('GET', '/api/sequences/MON/report?period=2027-03');
};

const lookAround = async (ask: Ask): Promise<void> => {
  for (const path of ['/livez', '/readyz', '/health']) await ask('GET', path, { as: NOBODY });
  await ask('GET', '/api/temporary-numbers');
  await ask('POST', '/api/temporary-numbers/TMP-INV-000000000000-1-1/resolve');
  await ask('GET', '/api/snowflakes/1');
};

/** Plays it from the first registration to the last look. @param setClock what the clock of the app says from then on. */
export const playScenario = async (app: TestApp, ask: Ask, setClock: (nowMs: number) => void): Promise<void> => {
  setClock(SCRIPTED_MS.march);
  await register(ask);
  await refuseConfigs(ask);
  await takeNumbers(ask);
  await changeConfigs(ask);
  await reserveNumbers(ask);
  await readSequences(ask);
  await moveSequences(ask);
  await readSequences(ask);
  await useApiKeys(ask);
  setClock(SCRIPTED_MS.april);
  await closePeriods(ask);
  app.prepareStandby();
  await app.watchHoldings();
  await app.watchCapacity();
  await app.watchCollisions();
  await lookAround(ask);
};

/** The settings of the outage: a request that finds no Redis is answered from what is held. */
export const OUTAGE_ENV: Readonly<Record<string, string>> = { REDIS_TIMEOUT_MS: '60000', STANDBY_SIZE: '2' };

interface Outage {
  /** Resolves when the app knows of it. */
  begin(): Promise<void>;
  end(): Promise<void>;
}

/** Numbers that are taken while Redis is away: those that were held, then temporary ones, which are resolved later. */
export const playOutage = async (ask: Ask, outage: Outage): Promise<void> => {
  await ask('PUT', '/api/prefix-configs/TMP', { body: { format: 'T{SEQ:4}', outage: 'temporary' } });
  await ask('PUT', '/api/prefix-configs/NOT', { body: { format: 'N{SEQ:4}', outage: 'reject' } });
  await ask('GET', '/api/numbers/TMP');
  await ask('GET', '/api/numbers/NOT');
  await outage.begin();
  for (let taken = 0; taken < 3; taken += 1) await ask('GET', '/api/numbers/TMP');
  await ask('GET', '/api/numbers/NOT');
  await ask('POST', '/api/numbers', { body: { prefixKey: 'TMP' }, headers: keyed('once') });
  await ask('GET', '/health', { as: NOBODY });
  await outage.end();
  const listed = await ask('GET', '/api/temporary-numbers');
  const resolve = `/api/temporary-numbers/${listed.json.items[0].number}/resolve`;
  await ask('POST', resolve);
  await ask('POST', resolve);
  await ask('GET', '/api/temporary-numbers');
  await ask('GET', '/api/numbers/TMP');
};
