/** The committed API description: named throughout, in one spelling, with headers and bounds. */
import { describe, expect, test } from 'vitest';
import { ERROR_CODES } from '../../../../src/core/error-params.ts';
import { readDescription, type Schema } from '../../../support/openapi.ts';

const { document, schemas, operations } = readDescription();
const nameOf = ({ operationId }: { operationId: string }): string => operationId;

const eachSchema = (value: unknown, visit: (schema: Schema, at: string) => void, at = ''): void => {
  if (typeof value !== 'object' || value === null) return;
  visit(value as Schema, at);
  for (const [key, one] of Object.entries(value)) {
    if (key !== 'examples' && key !== 'example') eachSchema(one, visit, `${at}/${key}`);
  }
};

describe('openapi.json', () => {
  test('gives each call an operationId of its own', () => {
    const names = operations.map(nameOf);
    expect(names.filter((name) => !/^[a-z][A-Za-z]+$/.test(name ?? ''))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  test('names the schema of every body and every reply', () => {
    const unnamed = operations.flatMap(({ operationId, requestBody, responses }) =>
      [requestBody, ...Object.values(responses)].flatMap((part) =>
        Object.entries(part?.content ?? {})
          .filter(([type, { schema }]) => !type.startsWith('text/') && schema.$ref === undefined)
          .map(([type]) => `${operationId} ${type}`),
      ),
    );
    expect(unnamed).toEqual([]);
  });

  test('names every object, union and enum, so that generated clients have a type for each', () => {
    const unnamed: string[] = [];
    eachSchema({ paths: document.paths, schemas }, (schema, at) => {
      const isNamed = /^\/schemas\/[^/]+$/.test(at);
      const isNullable = schema.anyOf?.length === 2 && schema.anyOf[1]?.type === 'null';
      if (isNamed || isNullable || /\/(properties|responses)$/.test(at)) return;
      if (schema.properties !== undefined || schema.anyOf !== undefined || schema.enum !== undefined) unnamed.push(at);
    });
    expect(unnamed).toEqual([]);
  });

  test('describes one spelling of each name, though both are read', () => {
    const names = operations.flatMap(({ parameters = [] }) => parameters.map(({ name }) => name));
    for (const { properties = {} } of Object.values(schemas)) names.push(...Object.keys(properties));
    expect(names.filter((name) => name.includes('_'))).toEqual([]);
  });

  test('bounds every integer below, so that no sample shows an absurd one', () => {
    const unbounded: string[] = [];
    eachSchema({ paths: document.paths, schemas }, (schema, at) => {
      if (schema.type === 'integer' && (schema.minimum ?? -1) < 0) unbounded.push(at);
    });
    expect(unbounded).toEqual([]);
  });

  test('describes count and limit as integers', () => {
    const parameters = operations.flatMap((operation) => operation.parameters ?? []);
    const counts = parameters.filter(({ name }) => name === 'count' || name === 'limit');
    expect(counts.length).toBeGreaterThan(3);
    for (const { schema } of counts) expect(schema).toMatchObject({ type: 'integer', minimum: 1 });
  });

  test('describes every refusal as a Problem with a code from the list of codes', () => {
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

  test('describes the headers of replies', () => {
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
