/** Traces cost nothing where they are not asked for: OpenTelemetry's SDK is not even loaded. */
import { expect, test } from 'vitest';
import { startService } from '../support/service.ts';
import { startTraceReceiver } from '../support/trace-receiver.ts';

/** Has the process say on its standard error which packages of OpenTelemetry it loads. */
const TELL = `
  import { registerHooks } from 'node:module';
  registerHooks({
    load: (url, context, next) => {
      const [name] = /@opentelemetry\\/[a-z-]+/.exec(url) ?? [];
      // The bare API comes with prom-client, whatever we do.
      if (name !== undefined && name !== '@opentelemetry/api') console.error('loads ' + name);
      return next(url, context);
    },
  });`;
const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(TELL)}`;

test('without OTEL_EXPORTER_OTLP_ENDPOINT nothing of its SDK is loaded', async () => {
  await using service = await startService({ env: { NODE_OPTIONS } });
  expect((await fetch(`${service.url}/api/numbers/NOBODY`)).status).toBe(400);
  expect(service.errorOutput()).not.toContain('@opentelemetry');
  expect(await service.stop()).toBe(0);
});

test('with it, it is, and what was recorded last is sent before the process ends', async () => {
  const receiver = await startTraceReceiver();
  await using service = await startService({ env: { NODE_OPTIONS, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url } });
  expect((await fetch(`${service.url}/api/numbers/NOBODY`)).status).toBe(400);
  expect(service.errorOutput()).toContain('loads @opentelemetry/sdk-trace');
  expect(await service.stop()).toBe(0);
  expect(receiver.spans.map(({ name }) => name)).toContain('GET /api/numbers/:prefixKey');
  await receiver.close();
});
