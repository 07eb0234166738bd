/** The completeness report of a sequence, streamed as JSON or CSV. */
import type { Readable } from 'node:stream';
import fastifyAccepts from '@fastify/accepts';
import type { FastifyReply } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { CompletenessService } from '../../services/completeness/completeness-service.ts';
import type { Authorizer } from '../plugins/auth.ts';
import { sends } from '../schemas/headers.ts';
import { prefixKeyParams } from '../schemas/prefix-configs.ts';
import { guardedResponses, problemResponse } from '../schemas/problem.ts';
import { createCsvEncoding, createJsonEncoding, reportQuery, reportReply } from '../schemas/reports.ts';
import { securedBy } from '../schemas/security.ts';
import { clientOf } from '../wire/client.ts';
import { prefixKeyIn, seriesIn } from '../wire/path-series.ts';
import { createReportStream } from '../wire/report-stream.ts';

export interface ReportRoutesOptions {
  readonly completenessService: CompletenessService;
  readonly authorizer: Authorizer;
}

const CSV_EXAMPLE = `state,first,last,count,firstNumber,lastNumber,reason,node,subject,reservation,at\r
issued,1,4710,4710,INV-2026-000001,INV-2026-004710,,,,,\r
gap,4711,4800,90,INV-2026-004711,INV-2026-004800,advance,,,,2026-11-20T09:30:00.000Z\r
total,1,4800,4800,,,exact,5f0c6a1b2d3e,,,2026-11-25T12:00:00.000Z\r
`;

const reply200 = {
  description: 'The report. It comes in pieces; one that was cut off lacks the summary, or the row total.',
  content: {
    'application/json': { schema: reportReply },
    'text/csv': { schema: z.string().meta({ examples: [CSV_EXAMPLE] }) },
  },
};

/** A name that every file system takes. */
const fileName = (prefixKey: string, period: string): string =>
  `${[prefixKey, period, 'report'].filter((part) => part !== '').join('-')}.csv`.replaceAll(':', '_');

export const reportRoutes: FastifyPluginAsyncZod<ReportRoutesOptions> = async (
  server,
  { completenessService, authorizer },
) => {
  await server.register(fastifyAccepts);
  const streams = new Set<Readable>();
  // Cuts reports off, which can be requested again: what this node holds must be given back before its time to stop is
  // over.
  server.addHook('preClose', async () => {
    for (const stream of streams) stream.destroy(new Error('The node is shutting down.'));
  });

  server.get(
    '/sequences/:prefixKey/report',
    {
      schema: {
        operationId: 'getReport',
        tags: ['sequences'],
        summary: 'What became of every value of a period: issued, missing and why, held',
        security: securedBy('configs:read'),
        ...sends({ 200: ['Cache-Control', 'Content-Disposition', 'Vary'] }),
        params: prefixKeyParams,
        querystring: reportQuery,
        response: {
          200: reply200,
          ...guardedResponses,
          404: problemResponse('PREFIX_NOT_REGISTERED'),
        },
      },
      ...authorizer.guard('configs:read', prefixKeyIn),
    },
    async (request, reply) => {
      const { prefixKey } = request.params;
      const { period, format = request.accepts().type(['json', 'csv']) } = request.query;
      const report = await completenessService.open(seriesIn(request), period, clientOf(request));
      const encoding = format === 'csv' ? createCsvEncoding() : createJsonEncoding();
      const stream = createReportStream(report, encoding);
      streams.add(stream);
      stream.once('close', () => streams.delete(stream));
      // HEAD has no body.
      if (request.method === 'HEAD') stream.destroy();
      reply.header('Cache-Control', 'no-store').header('Vary', 'Accept').type(encoding.contentType);
      if (format === 'csv') {
        reply.header('Content-Disposition', `attachment; filename="${fileName(prefixKey, report.head.period)}"`);
      }
      // The schema describes the text of the stream.
      return (reply as FastifyReply).send(stream);
    },
  );
};
