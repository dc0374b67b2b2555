/**
 * Generates Prisma's client into node_modules, as `prisma generate` does. That command insists on an engine which is
 * downloaded from outside the registry, although the client needs none; the generator itself works without.
 */
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

// The registry's ES module does not resolve in Node.js; its CommonJS does.
const require = createRequire(import.meta.url)
const { getGenerators, loadSchemaContext } =
  require('@prisma/internals') as typeof import('@prisma/internals')
const { defaultRegistry } =
  require('@prisma/client-generator-registry') as typeof import('@prisma/client-generator-registry')

const path = fileURLToPath(new URL('schema.prisma', import.meta.url))
const schemaContext = await loadSchemaContext({
  schemaPath: { cliProvidedPath: path },
  printLoadMessage: false,
})
const registry = defaultRegistry.toInternal()
for (const generator of await getGenerators({
  schemaContext,
  registry,
  cliCommand: 'generate',
  skipDownload: true,
})) {
  await generator.generate()
  generator.stop()
}
