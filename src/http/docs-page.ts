/** The page at /docs: Scalar's API reference of the OpenAPI document. It loads from this service alone, and works offline. */
import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { SERVICE_TITLE } from '../config/service-name.ts'
import { createStaticResponse } from './static-response.ts'

/** In seconds: a reader downloads the script once, and sees a new version of the service within an hour. */
const SCRIPT_MAX_AGE = 3600

export const docsPage = fp(
  async (app: FastifyInstance) => {
    const page = createStaticResponse(PAGE, 'text/html; charset=utf-8')
    let script: Promise<ReturnType<typeof createStaticResponse>> | undefined

    app.get(
      '/docs',
      { schema: { hide: true, summary: 'Show the API reference' } },
      function getDocsPage(request, reply) {
        reply.header('content-security-policy', POLICY)
        return page(request, reply)
      },
    )
    app.get(
      '/docs/scalar.js',
      { schema: { hide: true, summary: 'Fetch the script of the API reference' } },
      async function getDocsScript(request, reply) {
        // 4 MB that most instances never need: loaded for the first page.
        script ??= loadScript().then(text =>
          createStaticResponse(text, 'text/javascript; charset=utf-8', SCRIPT_MAX_AGE),
        )
        return (await script)(request, reply)
      },
    )
  },
  { name: 'docs-page', dependencies: ['openapi', 'security-headers'] },
)

/** The page's components add style elements and attributes; the icon is in the page. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join(';')

/** Everything that needs Scalar's own servers is off. */
const CONFIGURATION = {
  authentication: { preferredSecurityScheme: 'accessToken' },
  defaultOpenAllTags: true,
  hideModels: true,
  orderSchemaPropertiesBy: 'preserve',
  documentDownloadType: 'direct',
  withDefaultFonts: false,
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: 'never',
  agent: { disabled: true },
  mcp: { disabled: true },
  customCss: `
    .darklight-reference a, .ascii-art { display: none }
    table :is(th, code) { white-space: nowrap }
  `,
}

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M7.5 0h1v8h-1zM5 8h6l-3 8z" fill="#2563eb"/></svg>`

/** Its addresses are relative: the page also works behind a proxy that serves it under a prefix. */
const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${escapeText(SERVICE_TITLE)}</title>
    <link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
  </head>
  <body>
    <noscript>This page needs JavaScript. The document that it shows is <a href="openapi.json">openapi.json</a>.</noscript>
    <script id="api-reference" data-url="openapi.json" data-configuration="${attribute(CONFIGURATION)}"></script>
    <script src="docs/scalar.js"></script>
  </body>
</html>
`

function attribute(value: object): string {
  return escapeText(JSON.stringify(value))
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
}

/** Returns Scalar's script. Its package offers it as a route only. */
async function loadScript(): Promise<string> {
  const { default: apiReference } = await import('@scalar/fastify-api-reference')
  const probe = Fastify()
  await probe.register(apiReference, { routePrefix: '/docs', configuration: { url: '/openapi.json' } })
  const { body } = await probe.inject('/docs/js/scalar.js')
  await probe.close()
  // The zod inside it tries eval to see whether the policy allows it, which the browser reports as a violation.
  return `globalThis.__zod_globalConfig = { jitless: true };\n${body}`
}
