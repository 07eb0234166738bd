/** The API: all calls under one URL prefix. It is registered once for each prefix it answers under. */
import type { FastifyPluginAsync } from 'fastify';
import type { Authorizer } from '../plugins/auth.ts';
import { refuseCrossSite } from '../plugins/browser-rules.ts';
import { refuseIgnoredKeys } from '../wire/idempotency-key.ts';
import { type ApiKeyRoutesOptions, apiKeyRoutes } from './api-keys.ts';
import { type NumberRoutesOptions, numberRoutes } from './numbers.ts';
import { type PrefixConfigRoutesOptions, prefixConfigRoutes } from './prefix-configs.ts';
import { type ReportRoutesOptions, reportRoutes } from './reports.ts';
import { type ReservationRoutesOptions, reservationRoutes } from './reservations.ts';
import { type SequenceRoutesOptions, sequenceRoutes } from './sequences.ts';
import { snowflakeRoutes } from './snowflakes.ts';
import { type TemplateRoutesOptions, templateRoutes } from './templates.ts';
import { type TemporaryNumberRoutesOptions, temporaryNumberRoutes } from './temporary-numbers.ts';

export interface ApiRoutesOptions {
  readonly prefixConfigService: PrefixConfigRoutesOptions['prefixConfigService'];
  readonly numberService: NumberRoutesOptions['numberService'];
  readonly reservationService: ReservationRoutesOptions['reservationService'];
  readonly sequenceService: SequenceRoutesOptions['sequenceService'];
  readonly completenessService: ReportRoutesOptions['completenessService'];
  readonly templateService: TemplateRoutesOptions['templateService'];
  readonly numberLookupService: TemplateRoutesOptions['numberLookupService'];
  readonly temporaryNumberService: TemporaryNumberRoutesOptions['temporaryNumberService'];
  readonly apiKeyService: ApiKeyRoutesOptions['apiKeyService'];
  readonly authorizer: Authorizer;
  readonly numbersAuth: 'open' | 'required';
  readonly openCountMax: NumberRoutesOptions['openCountMax'];
  /** Web pages of these origins may call. */
  readonly corsOrigins: readonly string[] | undefined;
  /** Whether the calls appear in the API description: they do so once, under the canonical prefix. */
  readonly documented: boolean;
}

export const apiRoutes: FastifyPluginAsync<ApiRoutesOptions> = async (server, options) => {
  const { prefixConfigService, numberService, reservationService } = options;
  const { sequenceService, completenessService, temporaryNumberService } = options;
  const { templateService, numberLookupService, apiKeyService } = options;
  const { authorizer, numbersAuth, documented } = options;
  server.addHook('onRequest', refuseCrossSite(options.corsOrigins));
  server.addHook('onRoute', refuseIgnoredKeys);
  if (!documented) {
    server.addHook('onRoute', (route) => {
      route.schema = { ...route.schema, hide: true };
    });
  }
  await server.register(prefixConfigRoutes, { prefixConfigService, authorizer });
  await server.register(templateRoutes, { templateService, numberLookupService, sequenceService, authorizer });
  await server.register(sequenceRoutes, { sequenceService, authorizer });
  await server.register(reportRoutes, { completenessService, authorizer });
  await server.register(temporaryNumberRoutes, { temporaryNumberService, authorizer });
  await server.register(apiKeyRoutes, { apiKeyService, authorizer });
  await server.register(snowflakeRoutes);
  await server.register(numberRoutes, { numberService, authorizer, numbersAuth, openCountMax: options.openCountMax });
  await server.register(reservationRoutes, { reservationService, authorizer, numbersAuth });
};
