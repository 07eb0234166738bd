/**
 * Refuses query parameters and body fields that the schemas of a call do not name. If `?dryRun=true` were ignored, the
 * caller would think it was read.
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyRequest, preValidationHookHandler, RouteOptions } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { z } from 'zod';
import type { FieldProblem } from '../../core/error-params.ts';
import { ValidationError } from '../../core/errors.ts';

/** Calls whose body Fastify does not even read. */
const BODILESS = new Set(['GET', 'HEAD']);

const isWrapper = (schema: unknown): schema is z.ZodOptional | z.ZodNullable | z.ZodDefault | z.ZodReadonly =>
  schema instanceof z.ZodOptional ||
  schema instanceof z.ZodNullable ||
  schema instanceof z.ZodDefault ||
  schema instanceof z.ZodReadonly;

/** Whether every object in the schema refuses fields that it does not name. */
export const isStrict = (schema: unknown): boolean => {
  if (schema instanceof z.ZodPipe) return isStrict(schema.def.in);
  if (isWrapper(schema)) return isStrict(schema.def.innerType);
  if (schema instanceof z.ZodArray) return isStrict(schema.def.element);
  if (schema instanceof z.ZodUnion) return schema.def.options.every(isStrict);
  if (schema instanceof z.ZodAny || schema instanceof z.ZodUnknown) return false;
  if (!(schema instanceof z.ZodObject)) return true;
  return schema.def.catchall instanceof z.ZodNever && Object.values(schema.shape).every(isStrict);
};

const unknown = (names: readonly string[]): FieldProblem[] => names.map((path) => ({ path, message: 'Unknown field' }));

const NULL_BODY: FieldProblem = { path: 'body', message: 'An object, not null' };
const NO_BODY: FieldProblem = { path: 'body', message: 'This call takes no body' };

/** Whether a message without a length has a body: some proxies announce one and send none. */
const hasContent = (message: IncomingMessage): Promise<boolean> => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  message.once('data', () => resolve(true));
  for (const event of ['end', 'close']) message.once(event, () => resolve(false));
  return promise;
};

const isAnnounced = ({ headers }: FastifyRequest): boolean | undefined =>
  headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) > 0 : undefined;

/**
 * What is wrong with the body of a call that takes none. `{}` and `null` are accepted, because many clients send them.
 */
const problemsOfBody = (body: unknown): FieldProblem[] => {
  if (body === undefined || body === null) return [];
  return typeof body !== 'object' || Array.isArray(body) ? [NO_BODY] : unknown(Object.keys(body));
};

const requireStrict = ({ schema, method, url }: RouteOptions): void => {
  for (const part of ['querystring', 'body'] as const) {
    const given = schema?.[part];
    if (given === undefined || isStrict(given)) continue;
    throw new TypeError(
      `The ${part} of ${method} ${url} takes fields it does not name: make its schema a strictObject`,
    );
  }
};

/**
 * The names in the query that the route does not know. Its schema would report them, but the body's is checked first.
 */
const unknownIn = (query: unknown, querystring: unknown, hasBody: boolean): FieldProblem[] => {
  if (querystring === undefined) return unknown(Object.keys(query as object));
  if (!hasBody || !(querystring instanceof z.ZodType)) return [];
  const issues = querystring.safeParse(query).error?.issues ?? [];
  return unknown(issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : [])));
};

/** Checks what no schema of the route covers. By callback, because most requests wait for nothing. */
const checkFor = ({ schema }: RouteOptions): preValidationHookHandler => {
  const { querystring, body } = schema ?? {};
  return (request, _reply, done) => {
    const problems = unknownIn(request.query, querystring, body !== undefined);
    const isBodiless = BODILESS.has(request.method);
    if (body === undefined && !isBodiless) problems.push(...problemsOfBody(request.body));
    // A schema gets null for a missing body too, and accepts both where the body is optional.
    if (body !== undefined && request.body === null) problems.push(NULL_BODY);
    const finish = (hasBody: boolean): void => {
      if (hasBody) problems.push(NO_BODY);
      if (problems.length === 0) done();
      else done(new ValidationError(problems));
    };
    const announced = isBodiless && isAnnounced(request);
    if (announced === undefined) void hasContent(request.raw).then(finish);
    else finish(announced);
  };
};

export const strictInputPlugin = fastifyPlugin(async (server) => {
  server.addHook('onRoute', (route) => {
    // A preflight is sent to the address of the call that follows, including its query.
    if (route.method === 'OPTIONS') return;
    requireStrict(route);
    route.preValidation = [checkFor(route), ...[route.preValidation ?? []].flat()];
  });
});
