/** Runs any Fastify app for the report: `node host.ts <module>`. The module exports an app or a function that builds one. */
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'

const NAMES = ['default', 'buildApp', 'build', 'createApp', 'app'] as const

const [module = ''] = process.argv.slice(2)
try {
  const app = await buildFrom((await import(pathToFileURL(module).href)) as Record<string, unknown>)
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  process.on('SIGTERM', () => app.close().then(() => process.exit(0)))
  process.send?.({ origin })
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}

async function buildFrom(exports: Record<string, unknown>): Promise<FastifyInstance> {
  const found = NAMES.map(name => exports[name]).find(value => value !== undefined)
  const app: unknown = typeof found === 'function' ? await found() : await found
  if (typeof (app as FastifyInstance | undefined)?.listen !== 'function') {
    throw new Error(`the module exports no Fastify app and no function that builds one (${NAMES.join(', ')})`)
  }
  return app as FastifyInstance
}
