/** Finds in the exports of a module what the report can start: an app, a function that builds one, or a plugin. */

type Callable = (...args: unknown[]) => unknown
export type Candidate =
  | { kind: 'app'; value: object }
  | { kind: 'plugin' | 'builder' | 'handler'; value: Callable }

/** The usual names, the most usual first. Names of other functions follow in the order of the module. */
const NAMES = [
  'default',
  'app',
  'fastify',
  'server',
  'buildApp',
  'build',
  'createApp',
  'createServer',
  'buildServer',
]
const BUILDER_NAME =
  /^(build|create|make|get|init|start|setup|configure|bootstrap|main|run|app|server|fastify)/i
const INSTANCE_PARAMETER = /^_?(fastify|app|instance|server|scope|f)$/i
const REQUEST_PARAMETER = /^_?(req|request|event)$/i

/** Returns what `name` is, or the first export that can be started; undefined where there is none. */
export function findCandidate(module: Record<string, unknown>, name?: string): Candidate | undefined {
  const exports = flatten(module)
  if (name !== undefined) return candidateOf(exports[name])
  const names = [...NAMES.filter(known => known in exports), ...Object.keys(exports)]
  const all = names.flatMap(known => {
    const candidate = candidateOf(exports[known])
    return candidate ? [{ known, candidate }] : []
  })
  const isNamed = ({ known }: { known: string }) => NAMES.includes(known) || BUILDER_NAME.test(known)
  const found = all.find(({ candidate }) => candidate.kind === 'app') ?? all.find(isNamed)
  if (found) return found.candidate
  const functions = new Set(all.map(({ candidate }) => candidate.value))
  return functions.size === 1 ? all[0]?.candidate : undefined
}

/** CommonJS exports are the default export, and compiled modules have their own default export in it. */
function flatten(module: Record<string, unknown>): Record<string, unknown> {
  const outer = module.default
  if (!isPlain(outer)) return module
  const { default: inner, ...named } = outer as Record<string, unknown>
  return { ...named, ...module, default: inner ?? outer }
}

function isPlain(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    !isApp(value)
  )
}

/** Returns whether a value is a Fastify instance or a Nest app. */
export function isApp(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const { listen, register, getHttpAdapter } = value as Record<string, unknown>
  return (
    typeof listen === 'function' && (typeof register === 'function' || typeof getHttpAdapter === 'function')
  )
}

function candidateOf(value: unknown): Candidate | undefined {
  if (isApp(value)) return { kind: 'app', value }
  if (value instanceof Promise) return { kind: 'builder', value: () => value }
  if (typeof value !== 'function' || /^class\b/.test(String(value))) return undefined
  return { kind: kindOf(value as Callable), value: value as Callable }
}

function kindOf(value: Callable): 'plugin' | 'builder' | 'handler' {
  // An Express app is a function too.
  if ('use' in value && 'listen' in value) return 'builder'
  // Set by fastify-plugin, and part of Fastify's public interface.
  if (Symbol.for('skip-override') in value || Symbol.for('plugin-meta') in value) return 'plugin'
  const [first = ''] = parametersOf(value)
  if (value.length === 2 && REQUEST_PARAMETER.test(first)) return 'handler'
  return INSTANCE_PARAMETER.test(first) || value.length === 3 ? 'plugin' : 'builder'
}

function parametersOf(value: Callable): string[] {
  const text = String(value)
  const list = /^(?:async\s*)?(?:function\b\s*\*?\s*[\w$]*\s*)?\(([^)]*)\)/.exec(text)?.[1]
  const single = /^(?:async\s+)?([\w$]+)\s*=>/.exec(text)?.[1]
  return (list ?? single ?? '').split(',').map(parameter => parameter.split(/[:=]/, 1)[0]?.trim() ?? '')
}
