/** The API description: committed, named throughout, in one spelling, with examples that work as they stand and harm nothing. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../src/core/errors.ts';
import { startApp, type TestApp, type TestReply } from '../support/app.ts';
import { DESCRIPTION_FILE, serveDescription } from '../support/openapi.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
}

interface Parameter {
  readonly in: 'path' | 'query' | 'header';
  readonly name: string;
  readonly required?: boolean;
  readonly schema: Schema;
  readonly example?: unknown;
}

interface Media {
  readonly schema: Schema;
  readonly example?: unknown;
}

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Record<string, Media>; readonly headers?: Record<string, unknown> }>
  >;
}

const served = await serveDescription();
const document = JSON.parse(served);
const schemas = document.components.schemas as Readonly<Record<string, Schema>>;

const operations: readonly Operation[] = Object.entries<Record<string, Operation>>(document.paths).flatMap(
  ([path, calls]) => Object.entries(calls).map(([method, call]) => ({ ...call, method: method.toUpperCase(), path })),
);
const tagNames = (document.tags as { name: string }[]).map(({ name }) => name);
const rankOf = ({ tags }: Operation): number => tagNames.indexOf(tags[0] ?? '');
/** As /docs shows them. */
const inOrderOfPage = operations.toSorted((a, b) => rankOf(a) - rankOf(b));
const nameOf = ({ operationId }: Operation): string => operationId;

const eachSchema = (value: unknown, visit: (schema: Schema, at: string) => void, at = ''): void => {
  if (typeof value !== 'object' || value === null) return;
  visit(value as Schema, at);
  for (const [key, one] of Object.entries(value)) {
    if (key !== 'examples' && key !== 'example') eachSchema(one, visit, `${at}/${key}`);
  }
};

describe('openapi.json', () => {
  it('is to the byte what a service with the default settings serves', () => {
    const committed = readFileSync(DESCRIPTION_FILE, 'utf8');
    expect(committed === served, 'The API has changed: run `npm run openapi` and commit openapi.json').toBe(true);
  });

  it('gives each call an operationId of its own', () => {
    const names = operations.map(nameOf);
    expect(names.filter((name) => !/^[a-z][A-Za-z]+$/.test(name ?? ''))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('names the schema of every body and every reply', () => {
    const unnamed = operations.flatMap(({ operationId, requestBody, responses }) =>
      [requestBody, ...Object.values(responses)].flatMap((part) =>
        Object.entries(part?.content ?? {})
          .filter(([type, { schema }]) => !type.startsWith('text/') && schema.$ref === undefined)
          .map(([type]) => `${operationId} ${type}`),
      ),
    );
    expect(unnamed).toEqual([]);
  });

  it('names every object, union and enum, so that generated clients have a type for each', () => {
    const unnamed: string[] = [];
    eachSchema({ paths: document.paths, schemas }, (schema, at) => {
      const isNamed = /^\/schemas\/[^/]+$/.test(at);
      const isNullable = schema.anyOf?.length === 2 && schema.anyOf[1]?.type === 'null';
      if (isNamed || isNullable || /\/(properties|responses)$/.test(at)) return;
      if (schema.properties !== undefined || schema.anyOf !== undefined || schema.enum !== undefined) unnamed.push(at);
    });
    expect(unnamed).toEqual([]);
  });

  it('describes one spelling of each name, though both are read', () => {
    const names = operations.flatMap(({ parameters = [] }) => parameters.map(({ name }) => name));
    for (const { properties = {} } of Object.values(schemas)) names.push(...Object.keys(properties));
    expect(names.filter((name) => name.includes('_'))).toEqual([]);
  });

  it('bounds every integer below, so that no sample shows an absurd one', () => {
    const unbounded: string[] = [];
    eachSchema({ paths: document.paths, schemas }, (schema, at) => {
      if (schema.type === 'integer' && (schema.minimum ?? -1) < 0) unbounded.push(at);
    });
    expect(unbounded).toEqual([]);
  });

  it('describes count and limit as integers', () => {
    const parameters = operations.flatMap((operation) => operation.parameters ?? []);
    const counts = parameters.filter(({ name }) => name === 'count' || name === 'limit');
    expect(counts.length).toBeGreaterThan(3);
    for (const { schema } of counts) expect(schema).toMatchObject({ type: 'integer', minimum: 1 });
  });

  it('describes every refusal as a Problem with a code from the list of codes', () => {
    for (const { operationId, responses } of operations) {
      for (const [status, { content }] of Object.entries(responses)) {
        if (status < '400' || content?.['application/json'] !== undefined) continue;
        const ref = content?.['application/problem+json']?.schema.$ref;
        expect(ref, `${operationId} ${status}`).toBe('#/components/schemas/Problem');
      }
    }
    expect(schemas['Problem']?.properties?.['code']?.$ref).toBe('#/components/schemas/ErrorCode');
    expect(schemas['ErrorCode']?.enum).toEqual(ERROR_CODES);
  });

  it('describes the headers of replies', () => {
    const headersOf = (operationId: string, status: number): string[] =>
      Object.keys(operations.find((one) => one.operationId === operationId)?.responses[status]?.headers ?? {});
    expect(headersOf('takeNumber', 200)).toEqual(expect.arrayContaining(['Cache-Control', 'X-Number-Source']));
    expect(headersOf('takeNumber', 503)).toContain('Retry-After');
    expect(headersOf('takeNumber', 429)).toContain('Retry-After');
    expect(headersOf('registerPrefix', 401)).toContain('WWW-Authenticate');
    expect(headersOf('registerPrefix', 200)).toContain('ETag');
    expect(headersOf('getPrefix', 200)).toContain('ETag');
    expect(headersOf('reserveNumber', 201)).toContain('Location');
    expect(headersOf('createApiKey', 201)).toContain('Location');
  });
});

describe('the examples of the API description', () => {
  /** What a page of try-it-out fills in. */
  const exampleOf = ({ schema, example }: Parameter | Media): unknown => {
    const named = schema.$ref === undefined ? schema : schemas[schema.$ref.split('/').at(-1) ?? ''];
    return example ?? named?.examples?.[0] ?? named?.default;
  };
  const isArmed = ({ parameters = [] }: Operation): boolean =>
    parameters.every((parameter) => parameter.required !== true || exampleOf(parameter) !== undefined);
  const isUnaimed = (operation: Operation): boolean => !isArmed(operation);

  let app: TestApp;
  const replies = new Map<string, TestReply>();

  /** @param aim what stands in the path where there is no example; by default what the page shows there. */
  const send = ({ method, path, parameters = [], requestBody }: Operation, aim?: Record<string, string>) => {
    const query = new URLSearchParams();
    let url = path;
    for (const parameter of parameters) {
      const value = aim?.[parameter.name] ?? exampleOf(parameter);
      if (parameter.in === 'path') url = url.replace(`{${parameter.name}}`, `${value ?? `%7B${parameter.name}%7D`}`);
      if (parameter.in === 'query' && value !== undefined) query.set(parameter.name, `${value}`);
    }
    const media = requestBody?.content['application/json'];
    return app.call(method, query.size === 0 ? url : `${url}?${query}`, media && exampleOf(media));
  };

  beforeAll(async () => {
    app = await startApp();
    for (const operation of inOrderOfPage.filter(isArmed)) replies.set(operation.operationId, await send(operation));
  });

  afterAll(() => app.close());

  it.each(inOrderOfPage.filter(isArmed).map((operation) => [operation.operationId, operation] as const))(
    '2xx: %s works as it is pre-filled, on a fresh service, in the order of the page',
    (operationId, { responses }) => {
      const reply = replies.get(operationId);
      expect(reply?.status, reply?.text).toBeLessThan(300);
      expect(Object.keys(responses)).toContain(`${reply?.status}`);
    },
  );

  it('leave out what names the victim in every call that cannot be undone, or is about a thing that was made before', () => {
    expect(operations.filter(isUnaimed).map(nameOf).sort()).toEqual([
      'advanceSequence',
      'closePeriod',
      'confirmReservation',
      'getReservation',
      'removePrefix',
      'resolveTemporaryNumber',
      'revokeApiKey',
      'voidReservation',
    ]);
  });

  it.each(inOrderOfPage.filter(isUnaimed).map((operation) => [operation.operationId, operation] as const))(
    '400: %s is refused when the placeholder is sent as it stands',
    async (_operationId, operation) => {
      const { status, json } = await send(operation);
      expect([status, json.code]).toEqual([400, 'VALIDATION_ERROR']);
    },
  );

  it('409: even aimed at a series, the pre-filled advance changes nothing', async () => {
    const advance = operations.find(({ operationId }) => operationId === 'advanceSequence');
    if (advance === undefined) throw new Error('There is no advanceSequence.');
    const before = (await app.call('GET', '/api/sequences/INV')).json;
    const { status, json } = await send(advance, { prefixKey: 'INV' });
    expect([status, json.code]).toEqual([409, 'SEQUENCE_NOT_FORWARD']);
    expect((await app.call('GET', '/api/sequences/INV')).json.value).toBe(before.value);
  });

  it('fill in no parameter that may be left out: one Idempotency-Key for everybody would give all of them one number', () => {
    const filled = operations.flatMap(({ operationId, parameters = [] }) =>
      parameters
        .filter(({ required, schema, example }) => required !== true && (example ?? schema.examples) !== undefined)
        .map(({ name }) => `${operationId} ${name}`),
    );
    expect(filled).toEqual([]);
  });

  it('give every call with a body a whole one', () => {
    const without = operations
      .filter(({ requestBody }) => requestBody !== undefined)
      .filter(({ requestBody }) =>
        Object.values(requestBody?.content ?? {}).some((media) => exampleOf(media) === undefined),
      );
    expect(without.map(nameOf)).toEqual([]);
  });
});
