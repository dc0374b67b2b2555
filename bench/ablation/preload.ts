/** Loaded into the service by `--import`: takes out what BENCH_ABLATE names. The service knows nothing of it. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { registerHooks } from 'node:module'
import { prepareApps } from './fastify.ts'
import { VARIANTS } from './variants.ts'

const names = (process.env.BENCH_ABLATE ?? '').split(',')
const off = VARIANTS.filter(({ name }) => names.includes(name))

const source = new URL('../../src/', import.meta.url).href
const stubs = new URL('./stubs/', import.meta.url).href
const replacements = new Map(
  off.flatMap(({ replaces = {} }) =>
    Object.entries(replaces).map(([from, by]) => [
      // A package goes by its name, a module of the service by its URL.
      from.endsWith('.ts') ? `${source}${from}` : from,
      `${stubs}${by}`,
    ]),
  ),
)
const unused = new Set(replacements.keys())

registerHooks({
  resolve(specifier, context, nextResolve) {
    const importer = context.parentURL ?? ''
    if (!importer.startsWith(source) && !importer.startsWith(stubs)) return nextResolve(specifier, context)
    if (specifier === 'fastify' && importer === `${source}app.ts`) {
      return { url: new URL('./fastify.ts', import.meta.url).href, shortCircuit: true }
    }
    const from = replacements.has(specifier) ? specifier : nextResolve(specifier, context).url
    const by = replacements.get(from)
    // A stub may import the module that it stands in for.
    if (by === undefined || by === importer) return nextResolve(specifier, context)
    unused.delete(from)
    return { url: by, shortCircuit: true }
  },
})

let isPrepared = false
prepareApps((app, options) => {
  isPrepared = true
  for (const { prepare } of off) prepare?.(app, options)
  app.addHook('onReady', async () => {
    // What is no longer imported would be measured as something that costs nothing.
    if (unused.size > 0) throw new Error(`nothing imports ${[...unused].join(' or ')}`)
  })
})

const ON_REQUEST = 'http.server.request.start'
subscribe(ON_REQUEST, function expectPrepared() {
  unsubscribe(ON_REQUEST, expectPrepared)
  // The app is made elsewhere now: nothing would be off, and nothing would say so.
  if (!isPrepared) throw new Error('src/app.ts does not make the app')
})
