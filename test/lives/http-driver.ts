/** Asks a process of the service what a life asks, over HTTP. */
import type { Answer, Driver, GapView, Reading, ReportView, Row } from './driver.ts';
import { createGate } from './gate.ts';

interface Reply {
  readonly status: number;
  readonly json: Record<string, unknown>;
  readonly source: string;
}

const REASON = 'because a life wants it';
const GAPS_PER_PAGE = 3;
/** A node writes no more reports at a time. */
const REPORTS_MAX = 4;

type Fields = Record<string, unknown>;
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const bigOf = (value: unknown): bigint => BigInt(String(value));
const mayBeBig = (value: unknown): bigint | undefined => (value === null ? undefined : bigOf(value));
const timeOf = (value: unknown): number | undefined => (typeof value === 'string' ? Date.parse(value) : undefined);
const listOf = (value: unknown): readonly Fields[] => value as Fields[];

const toRow = (run: Fields): Row => ({
  state: String(run['state']),
  first: bigOf(run['first']),
  last: bigOf(run['last']),
  reason: textOf(run['reason']),
  node: textOf(run['node']),
  firstNumber: textOf(run['firstNumber']),
  lastNumber: textOf(run['lastNumber']),
});

const toReport = ({ period, runs, summary }: Fields): ReportView => {
  const { exact, first: _first, last: _last, ...counts } = summary as Fields;
  return {
    period: String(period),
    rows: listOf(runs).map(toRow),
    exact: exact === true,
    counts: Object.fromEntries(Object.entries(counts).map(([state, count]) => [state, bigOf(count)])),
  };
};

const toReading = (reading: Fields): Reading => ({
  prefixKey: String(reading['prefixKey']),
  period: String(reading['period']),
  value: bigOf(reading['value']),
  variables: reading['variables'] as Record<string, string>,
  checkDigit: textOf(reading['checkDigit']),
  issued: String(reading['issued']),
  reason: String(reading['reason']),
});

const queryOf = (fields: Readonly<Record<string, string | undefined>>): string => {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) given.append(name, value);
  return given.size === 0 ? '' : `?${given}`;
};

/** @param url of the process. @param node its name, as reports have it. */
export const createHttpDriver = (url: string, node: string): Driver => {
  const reporting = createGate(REPORTS_MAX);

  const call = async (method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
    const reply = await fetch(`${url}/api${path}`, {
      method,
      headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    const json = text === '' ? {} : (JSON.parse(text) as Fields);
    return { status: reply.status, json, source: reply.headers.get('x-number-source') ?? '' };
  };

  const answered = async <Result>(asked: Promise<Reply>, read: (reply: Reply) => Result): Promise<Answer<Result>> => {
    const reply = await asked;
    if (reply.status < 300) return { ok: read(reply) };
    return { refused: String(reply.json['code']), why: String(reply.json['detail'] ?? reply.json['title']) };
  };
  const done = (): undefined => undefined;

  const readGaps = async (path: string, period: string | undefined): Promise<Answer<readonly GapView[]>> => {
    const gaps: GapView[] = [];
    let cursor: string | undefined;
    do {
      const query = queryOf({ period, limit: `${GAPS_PER_PAGE}`, cursor });
      const page = await answered(call('GET', `${path}/gaps${query}`), ({ json }) => json);
      if ('refused' in page) return page;
      for (const { first, last, reason } of listOf(page.ok['items'])) {
        gaps.push({ first: bigOf(first), last: bigOf(last), reason: String(reason) });
      }
      cursor = textOf(page.ok['nextCursor']);
    } while (cursor !== undefined);
    return { ok: gaps };
  };

  const configOf = (prefixKey: string): string => `/prefix-configs/${prefixKey}`;
  const sequenceOf = (prefixKey: string): string => `/sequences/${prefixKey}`;
  const variablesText = (variables: Readonly<Record<string, string>> | undefined): string | undefined =>
    variables &&
    Object.entries(variables)
      .map((pair) => pair.join(':'))
      .join();
  const write = (prefixKey: string, body: object, headers: Record<string, string>) =>
    answered(call('PUT', configOf(prefixKey), { ...body, allowCollision: true }, headers), ({ json }) =>
      Number(json['version']),
    );
  const ANY = { 'if-match': '*' };

  return {
    node,
    register: (prefixKey, body) => write(prefixKey, body, {}),
    change: (prefixKey, body) => write(prefixKey, body, ANY),
    remove: (prefixKey) => answered(call('DELETE', configOf(prefixKey), undefined, ANY), done),
    readConfig: (prefixKey) =>
      answered(call('GET', configOf(prefixKey)), ({ json }) => ({
        version: Number(json['version']),
        format: String(json['format']),
        initialSeq: bigOf(json['initialSeq']),
      })),
    take: (prefixKey, { count, variables, date, idempotencyKey }) => {
      const headers = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
      const asked = call('POST', '/numbers', { prefixKey, count, variables, date }, headers);
      return answered(asked, ({ json, source }) => ({ numbers: json['numbers'] as string[], source }));
    },
    reserve: (prefixKey, ttlMs, variables) => {
      const ttlSeconds = Math.max(1, Math.round(ttlMs / 1_000));
      return answered(call('POST', '/reservations', { prefixKey, ttlSeconds, variables }), ({ json }) => ({
        id: String(json['id']),
        number: String(json['number']),
      }));
    },
    confirm: (id) => answered(call('POST', `/reservations/${id}/confirm`), done),
    void: (id) => answered(call('POST', `/reservations/${id}/void`, { reason: REASON }), done),
    advance: (prefixKey, to) =>
      answered(call('POST', `${sequenceOf(prefixKey)}/advance`, { to: `${to}`, reason: REASON }), ({ json }) =>
        bigOf(json['value']),
      ),
    closePeriod: (prefixKey, period) =>
      answered(call('POST', `${sequenceOf(prefixKey)}/periods/${period}/close`, { reason: REASON }), done),
    preview: (prefixKey, variables) =>
      answered(
        call('GET', `${configOf(prefixKey)}/preview${queryOf({ variables: variablesText(variables) })}`),
        ({ json }) => ({
          number: String(json['number']),
          value: bigOf(json['value']),
          period: String(json['period']),
        }),
      ),
    sequence: (prefixKey) =>
      answered(call('GET', sequenceOf(prefixKey)), ({ json }) => {
        const forecast = json['forecast'] as Fields;
        const standby = json['standby'] as Fields | null;
        return {
          period: String(json['period']),
          value: bigOf(json['value']),
          nextValue: mayBeBig(json['nextValue']),
          nextNumber: textOf(json['nextNumber']),
          valuesLeft: bigOf(json['valuesLeft']),
          valuesPerDay: forecast['valuesPerDay'] === null ? undefined : Number(forecast['valuesPerDay']),
          widthReachedAtMs: timeOf(forecast['widthReachedAt']),
          limitReachedAtMs: timeOf(forecast['limitReachedAt']),
          standby: standby === null ? undefined : { first: bigOf(standby['first']), last: bigOf(standby['last']) },
        };
      }),
    gaps: (prefixKey, period) => readGaps(sequenceOf(prefixKey), period),
    report: (prefixKey, period) =>
      reporting(() =>
        answered(call('GET', `${sequenceOf(prefixKey)}/report${queryOf({ period })}`), ({ json }) => toReport(json)),
      ),
    parse: (number, prefixKey) =>
      answered(call('POST', '/numbers/parse', { number, prefixKey }), ({ json }) =>
        listOf(json['readings']).map(toReading),
      ),
  };
};
