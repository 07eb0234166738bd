/** Finishes the generated API description: names, one spelling, examples and headers. */

import { STATUS_CODES } from 'node:http';
import type { OpenAPIV3_1 } from 'openapi-types';
import { EXAMPLE, SAME_AS } from '../../core/schema-marks.ts';
import { PROBLEM_HEADERS, REPLY_HEADERS, type ReplyHeader, SENDS } from './headers.ts';
import { PROBLEM_TYPE } from './problem.ts';

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type Node = Record<string, Json>;
type Operation = OpenAPIV3_1.OperationObject & { [SENDS]?: Record<string, ReplyHeader[]>; [EXAMPLE]?: unknown };

const SCHEMAS = '#/components/schemas/';
const INPUT = 'Input';

const isNode = (value: Json | undefined): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Calls `visit` with every object of the description, the inner ones first. */
const eachNode = (value: Json, visit: (node: Node) => void): void => {
  if (typeof value !== 'object' || value === null) return;
  for (const one of Object.values(value)) eachNode(one, visit);
  if (isNode(value)) visit(value);
};

/** The schemas that calls lead to, directly or through others. */
const reachedFrom = (paths: Json, schemas: Node): Set<string> => {
  const reached = new Set<string>();
  const follow = (value: Json): void =>
    eachNode(value, ({ $ref }) => {
      const name = typeof $ref === 'string' && $ref.startsWith(SCHEMAS) ? $ref.slice(SCHEMAS.length) : undefined;
      if (name === undefined || reached.has(name)) return;
      reached.add(name);
      follow(schemas[name] ?? null);
    });
  follow(paths);
  return reached;
};

/**
 * Every schema comes twice, as what requests send (`XInput`) and as what replies carry (`X`). One of them remains, as `X`.
 * @throws when requests and replies use both, and they differ: then each needs a name of its own.
 */
const nameOnce = (document: Node, schemas: Node): void => {
  const used = reachedFrom(document['paths'] ?? null, schemas);
  const twins = Object.keys(schemas).filter((name) => name.endsWith(INPUT) && name.slice(0, -INPUT.length) in schemas);
  for (const twin of twins) {
    const name = twin.slice(0, -INPUT.length);
    if (used.has(twin) && !used.has(name)) schemas[name] = schemas[twin] ?? {};
    else if (used.has(twin) && JSON.stringify(schemas[twin]) !== JSON.stringify(schemas[name])) {
      throw new Error(`The schema ${name} differs between requests and replies: give each a name of its own.`);
    }
    delete schemas[twin];
  }
  eachNode(document, (node) => {
    const name = typeof node['$ref'] === 'string' ? node['$ref'].slice(SCHEMAS.length) : '';
    if (twins.includes(name)) node['$ref'] = SCHEMAS + name.slice(0, -INPUT.length);
  });
};

/** Both spellings are read; one is described. */
const withoutSecondSpellings = ({ properties }: Node): void => {
  if (!isNode(properties)) return;
  for (const [name, property] of Object.entries(properties)) {
    if (isNode(property) && SAME_AS in property) delete properties[name];
  }
};

const withExample = (node: Node): void => {
  const { [EXAMPLE]: example } = node;
  if (example === undefined) return;
  delete node[EXAMPLE];
  node['examples'] = [example];
};

/** `anyOf` a type and null is a union to generators of clients; a list of two types is what it means. */
const withNullAsType = (node: Node): void => {
  const { anyOf } = node;
  if (!Array.isArray(anyOf) || anyOf.length !== 2) return;
  const [one, other] = anyOf;
  if (!isNode(one) || !isNode(other) || other['type'] !== 'null' || typeof one['type'] !== 'string') return;
  delete node['anyOf'];
  Object.assign(node, { ...one, ...node, type: [one['type'], 'null'] });
  if (Array.isArray(one['enum'])) node['enum'] = [...one['enum'], null];
};

/** A body that may be null may be left out, which @fastify/swagger does not say; sent, it is an object. */
const withOptionalBody = ({ requestBody }: Operation): void => {
  if (requestBody === undefined || !('content' in requestBody)) return;
  for (const media of Object.values(requestBody.content)) {
    const { schema } = media;
    if (schema === undefined || !('anyOf' in schema) || schema.anyOf === undefined) continue;
    const [body, none] = schema.anyOf;
    if (body === undefined || none === undefined || !('type' in none) || none.type !== 'null') continue;
    media.schema = body;
    requestBody.required = false;
  }
};

const withBodyExample = (operation: Operation): void => {
  const { [EXAMPLE]: example, requestBody } = operation;
  delete operation[EXAMPLE];
  if (example === undefined || requestBody === undefined || !('content' in requestBody)) return;
  for (const media of Object.values(requestBody.content)) media.example = example;
};

const withHeaders = (operation: Operation): void => {
  const own = operation[SENDS] ?? {};
  delete operation[SENDS];
  for (const [status, response] of Object.entries(operation.responses ?? {})) {
    if ('$ref' in response) continue;
    if (response.description === 'Default Response') response.description = STATUS_CODES[status] ?? '';
    const isProblem = response.content !== undefined && PROBLEM_TYPE in response.content;
    const common: ReplyHeader[] = isProblem ? ['Cache-Control', ...(PROBLEM_HEADERS[status] ?? [])] : [];
    const names = [...common, ...(own[status] ?? [])].sort();
    if (names.length === 0) continue;
    response.headers = Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
  }
};

/** Node gives names of headers in small letters; people look for them as the standards write them. */
const headerName = (name: string): string => name.replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());

const withParameters = ({ parameters = [] }: Operation): void => {
  for (const parameter of parameters) {
    if (!('in' in parameter)) continue;
    if (parameter.in === 'header') parameter.name = headerName(parameter.name);
    const schema = parameter.schema as Node;
    if (EXAMPLE in schema) parameter.example = schema[EXAMPLE];
    delete schema[EXAMPLE];
  }
};

/** Names for everything, one spelling, headers and examples. The same routes give the same text. */
export const finishDescription = (generated: OpenAPIV3_1.Document): OpenAPIV3_1.Document => {
  // Drops undefined fields, and copies the schemas, which are also used for validation.
  const description = JSON.parse(JSON.stringify(generated)) as OpenAPIV3_1.Document;
  for (const path of Object.values(description.paths ?? {})) {
    for (const operation of Object.values(path ?? {}) as Operation[]) {
      withOptionalBody(operation);
      withBodyExample(operation);
      withParameters(operation);
      withHeaders(operation);
    }
  }
  const document = description as unknown as Node;
  const schemas = (description.components?.schemas ?? {}) as unknown as Node;
  eachNode(document, withoutSecondSpellings);
  eachNode(document, withExample);
  eachNode(document, withNullAsType);
  nameOnce(document, schemas);
  const sorted = Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
  description.components = { ...description.components, schemas: sorted as never, headers: REPLY_HEADERS as never };
  return description;
};
