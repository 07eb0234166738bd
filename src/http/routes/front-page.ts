/** The front page: links to everything, as JSON for programs and as a page for people. */
import fastifyAccepts from '@fastify/accepts';
import type { FastifyPluginAsync } from 'fastify';

export interface FrontPageRoutesOptions {
  readonly version: string;
  /** The addresses it is shown at. */
  readonly urls: readonly string[];
}

const LINKS = [
  ['docs', '/docs', 'The API, to read and to try'],
  ['openapi', '/openapi.json', 'The same for programs'],
  ['api', '/api', 'Where the calls are'],
  ['health', '/health', 'How each component is'],
  ['ready', '/readyz', 'Whether numbers can be issued now'],
  ['live', '/livez', 'Whether the process runs'],
] as const;

const page = (version: string): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Number generator</title></head>
<body>
<h1>Number generator ${version}</h1>
<ul>
${LINKS.map(([, url, what]) => `<li><a href="${url}">${url}</a> ${what}</li>`).join('\n')}
</ul>
</body>
</html>
`;

export const frontPageRoutes: FastifyPluginAsync<FrontPageRoutesOptions> = async (server, { version, urls }) => {
  await server.register(fastifyAccepts);
  const json = {
    name: 'number-generator',
    version,
    links: Object.fromEntries(LINKS.map(([name, url]) => [name, url])),
  };
  const html = page(version);
  for (const url of urls) {
    server.get(url, { schema: { hide: true } }, async (request, reply) => {
      reply.header('Vary', 'Accept');
      if (request.accepts().type(['json', 'html']) !== 'html') return json;
      return reply.type('text/html; charset=utf-8').send(html);
    });
  }
};
