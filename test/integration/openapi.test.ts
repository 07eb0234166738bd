/** The API description that is served: the committed one, with examples that work as they stand and harm nothing. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp, type TestReply } from '../support/app.ts';
import {
  DESCRIPTION_FILE,
  type Media,
  type Operation,
  type Parameter,
  readDescription,
  serveDescription,
} from '../support/openapi.ts';

const { document, schemas, operations } = readDescription();
const tagNames = document.tags.map(({ name }) => name);
const rankOf = ({ tags }: Operation): number => tagNames.indexOf(tags[0] ?? '');
/** As /docs shows them. */
const inOrderOfPage = operations.toSorted((a, b) => rankOf(a) - rankOf(b));
const nameOf = ({ operationId }: Operation): string => operationId;

describe('openapi.json', () => {
  test('is to the byte what a service with the default settings serves', async () => {
    const committed = readFileSync(DESCRIPTION_FILE, 'utf8');
    const served = await serveDescription();
    expect(committed === served, 'The API has changed: run `npm run openapi` and commit openapi.json').toBe(true);
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

  test.each(inOrderOfPage.filter(isArmed).map((operation) => [operation.operationId, operation] as const))(
    '2xx: %s works as it is pre-filled, on a fresh service, in the order of the page',
    (operationId, { responses }) => {
      const reply = replies.get(operationId);
      expect(reply?.status, reply?.text).toBeLessThan(300);
      expect(Object.keys(responses)).toContain(`${reply?.status}`);
    },
  );

  test('leave out what names the victim in every call that cannot be undone, or is about a thing that was made before', () => {
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

  test.each(inOrderOfPage.filter(isUnaimed).map((operation) => [operation.operationId, operation] as const))(
    '400: %s is refused when the placeholder is sent as it stands',
    async (_operationId, operation) => {
      const { status, json } = await send(operation);
      expect([status, json.code]).toEqual([400, 'VALIDATION_ERROR']);
    },
  );

  test('409: even aimed at a series, the pre-filled advance changes nothing', async () => {
    const advance = operations.find(({ operationId }) => operationId === 'advanceSequence');
    if (advance === undefined) throw new Error('There is no advanceSequence.');
    const before = (await app.call('GET', '/api/sequences/INV')).json;
    const { status, json } = await send(advance, { prefixKey: 'INV' });
    expect([status, json.code]).toEqual([409, 'SEQUENCE_NOT_FORWARD']);
    expect((await app.call('GET', '/api/sequences/INV')).json.value).toBe(before.value);
  });

  test('fill in no parameter that may be left out: one Idempotency-Key for everybody would give all of them one number', () => {
    const filled = operations.flatMap(({ operationId, parameters = [] }) =>
      parameters
        .filter(({ required, schema, example }) => required !== true && (example ?? schema.examples) !== undefined)
        .map(({ name }) => `${operationId} ${name}`),
    );
    expect(filled).toEqual([]);
  });

  test('give every call with a body a whole one', () => {
    const without = operations
      .filter(({ requestBody }) => requestBody !== undefined)
      .filter(({ requestBody }) =>
        Object.values(requestBody?.content ?? {}).some((media) => exampleOf(media) === undefined),
      );
    expect(without.map(nameOf)).toEqual([]);
  });
});
