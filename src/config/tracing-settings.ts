/** The settings of the traces, under the names that OpenTelemetry gives them. */
import { z } from 'zod';

const ENDPOINT = 'A URL such as http://127.0.0.1:4318, without a password (OTEL_EXPORTER_OTLP_HEADERS is for that)';
const HEADERS = 'name=value, several with commas between, special characters as %2C';
const RATIO = 'A share from 0 to 1, such as 0.1';

const endpoint = z.string().refine((text) => {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return ['http:', 'https:'].includes(protocol) && username === '' && password === '';
}, ENDPOINT);

const readHeaders = (text: string): Record<string, string> | undefined => {
  const headers: Record<string, string> = {};
  for (const pair of text.split(',')) {
    const [, name, value] = /^\s*([A-Za-z0-9_-]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
    if (name === undefined || value === undefined) return undefined;
    try {
      headers[name] = decodeURIComponent(value);
    } catch {
      return undefined;
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they would end the header
    if (/[\x00-\x1f\x7f]/.test(headers[name] ?? '')) return undefined;
  }
  return headers;
};

export const tracingVariables = {
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint
    .optional()
    .describe('Where [traces](observability.md#traces) are sent (OTLP over HTTP). Without it there are none.'),
  OTEL_EXPORTER_OTLP_HEADERS: z
    .string()
    .refine((text) => readHeaders(text) !== undefined, HEADERS)
    .optional()
    .describe('Headers sent with the traces.'),
  OTEL_SERVICE_NAME: z.string().min(1).max(200).default('number-generator').describe('Name of the service in traces.'),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(0(\.[0-9]{1,9})?|1(\.0+)?)$/, RATIO)
    .default('1')
    .describe('Share of the traces begun here that is recorded. A `traceparent` brings its own decision.'),
};

interface TracingEnvironment {
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  readonly OTEL_EXPORTER_OTLP_HEADERS?: string | undefined;
  readonly OTEL_SERVICE_NAME: string;
  readonly OTEL_TRACES_SAMPLER_ARG: string;
}

/** Where traces go and which; undefined: nowhere. */
export const tracingOf = (env: TracingEnvironment) =>
  env.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
    ? undefined
    : {
        /** With the path of the traces. */
        url: `${env.OTEL_EXPORTER_OTLP_ENDPOINT.replace(/\/$/, '')}/v1/traces`,
        headers:
          (env.OTEL_EXPORTER_OTLP_HEADERS === undefined ? undefined : readHeaders(env.OTEL_EXPORTER_OTLP_HEADERS)) ??
          {},
        serviceName: env.OTEL_SERVICE_NAME,
        /** The share of the traces begun here that is recorded, 0 to 1. */
        ratio: Number(env.OTEL_TRACES_SAMPLER_ARG),
      };
