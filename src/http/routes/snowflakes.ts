/** The call that takes a snowflake id apart, without a store: everything is in the id. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { problemResponse } from '../schemas/problem.ts';
import { snowflakeParams, snowflakeReply, toSnowflakeReply } from '../schemas/snowflakes.ts';

export const snowflakeRoutes: FastifyPluginAsyncZod = async (server) => {
  server.get(
    '/snowflakes/:id',
    {
      schema: {
        operationId: 'readSnowflake',
        tags: ['numbers'],
        summary: 'Take a snowflake id apart',
        params: snowflakeParams,
        response: { 200: snowflakeReply, 400: problemResponse('VALIDATION_ERROR') },
      },
    },
    async (request) => toSnowflakeReply(request.params.id),
  );
};
