/** Watches env-schema and @fastify/env, which copy the whole environment: their schemas name the variables. */
import { readFileSync } from 'node:fs'
import nodeModule from 'node:module'
import { fileURLToPath } from 'node:url'
import type { DeclaredSetting } from './observation.ts'

const ENV_SCHEMA = /\/node_modules\/env-schema\/index\.js(\?|$)/
const LISTENER = 'backend-report.env-schema'

/** Runs at the end of env-schema's own module: its function passes on its options before it works as before. */
const WRAPPER = `
;{
  const original = module.exports
  const observed = function (options) {
    globalThis[Symbol.for('${LISTENER}')]?.(options)
    return original.apply(this, arguments)
  }
  module.exports = Object.assign(observed, original)
  for (const name of ['default', 'envSchema']) if (original[name] === original) observed[name] = observed
}
`

type Schema = {
  properties?: Record<string, { description?: unknown; default?: unknown }>
  required?: unknown
}

/** Starts to record the variables that schemas declare. Returns a function that lists them. */
export function watchSettings(): () => DeclaredSetting[] {
  const declared = new Map<string, DeclaredSetting>()
  Object.assign(globalThis, {
    [Symbol.for(LISTENER)]: (options: { schema?: Schema } | undefined) => {
      // Builders of schemas, such as fluent-json-schema, give the schema as their value.
      const schema = options?.schema?.valueOf() as Schema | undefined
      const required = Array.isArray(schema?.required) ? schema.required : []
      for (const [name, { description, default: fallback }] of Object.entries(schema?.properties ?? {})) {
        const isRequired = required.includes(name) && fallback === undefined
        declared.set(name, { name, isRequired, ...(typeof description === 'string' && { description }) })
      }
    },
  })
  // Node.js has it from 22.15 on. Before, the variables are those that the code reads by name.
  if (typeof nodeModule.registerHooks !== 'function') return () => []
  nodeModule.registerHooks({
    load(url, context, nextLoad) {
      if (!ENV_SCHEMA.test(url)) return nextLoad(url, context)
      const source = readFileSync(fileURLToPath(url), 'utf8') + WRAPPER
      return { format: 'commonjs', source, shortCircuit: true }
    },
  })
  return () => [...declared.values()]
}
