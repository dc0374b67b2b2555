/** Watches a Fastify instance: the hooks, parsers and routes that are registered, and the requests that run through. */
import type { FastifyInstance, RouteOptions } from 'fastify'
import {
  type HookKind,
  LIFECYCLE,
  type ObservedHook,
  type ObservedRoute,
  TRACE_HEADER,
  type TraceEvent,
} from './observation.ts'
import { callerPlace } from './places.ts'

type Callback = (this: unknown, ...args: unknown[]) => unknown
type Traced = { raw?: { headers: Record<string, unknown> } }

/** Traces are read right after their request. Older ones are dropped. */
const MAX_TRACES = 2000

/** Starts to watch `app`, which must be new. Places are relative to `root`. */
export function watchInstance(app: FastifyInstance, root: string) {
  const routes: WatchedRoute[] = []
  const entry = callerPlace(root)
  const { traces, record } = createTraces()
  const { hooks, wrap, wrapHook, wrapRouteHooks } = createWrapper(root, record)
  const addHook = app.addHook as unknown as Callback

  const isLifecycle = (name: unknown): name is HookKind => LIFECYCLE.includes(name as HookKind)
  const replacement: Callback = function watchedAddHook(this: unknown, name, hook) {
    if (isLifecycle(name)) return addHook.call(this, name, wrapHook(name, hook as Callback))
    if (name !== 'onRoute' || typeof hook !== 'function') return addHook.call(this, name, hook)
    return addHook.call(this, name, function thenWrap(this: unknown, options: RouteOptions) {
      const result = hook.call(this, options)
      wrapRouteHooks(options)
      return result
    })
  }
  Object.assign(app, { addHook: replacement })
  watchParsers(app, parser => wrap(parser, () => ({ at: 'parse' })))
  watchSerialization(addHook.bind(app) as Callback, record)
  watchErrors(addHook.bind(app) as Callback, record)
  addHook.call(app, 'onRoute', (options: RouteOptions) => {
    routes.push({
      options,
      place: callerPlace(root),
      handler: options.handler.name,
      readsBody: readsBody(options.handler),
    })
    const handler = options.handler as unknown as Callback
    Object.assign(options, { handler: wrap(handler, () => ({ at: 'handler' })) })
    wrapRouteHooks(options)
  })
  return { app, entry, hooks, traces, routes: () => routes.map(describeRoute) }
}

type Recorder = (request: unknown, event: TraceEvent) => void

/** Records the events of traced requests by their trace id. */
function createTraces() {
  const traces = new Map<string, TraceEvent[]>()
  const record: Recorder = (request, event) => {
    const id = (request as Traced | undefined)?.raw?.headers[TRACE_HEADER]
    if (typeof id !== 'string') return
    const trace = traces.get(id) ?? []
    traces.set(id, trace)
    trace.push(event)
    const [oldest] = traces.keys()
    if (traces.size > MAX_TRACES && oldest !== undefined) traces.delete(oldest)
  }
  return { traces, record }
}

/** Creates functions that record a call and then call the original. */
function createWrapper(root: string, record: Recorder) {
  const hooks: ObservedHook[] = []
  const wrapped = new WeakSet<Callback>()

  function wrap(inner: Callback, eventOf: () => TraceEvent): Callback {
    if (typeof inner !== 'function' || wrapped.has(inner)) return inner
    const outer: Callback = function observed(this: unknown, ...args) {
      record(args[0], eventOf())
      return inner.apply(this, args)
    }
    // Traces and API descriptions show the names of functions.
    Object.defineProperty(outer, 'name', { value: inner.name })
    wrapped.add(outer)
    return outer
  }

  function wrapHook(kind: HookKind, hook: Callback, isOfRoute = false): Callback {
    if (typeof hook !== 'function' || wrapped.has(hook)) return hook
    const index = hooks.push({ kind, name: hook.name, isOfRoute, place: callerPlace(root) }) - 1
    return wrap(hook, () => ({ at: 'hook', hook: index }))
  }

  /** Wraps the hooks in a route's options: its own, and those that onRoute hooks of plugins have added. */
  function wrapRouteHooks(options: RouteOptions): void {
    for (const kind of LIFECYCLE) {
      const own = options[kind] as Callback | Callback[] | undefined
      if (own === undefined) continue
      Object.assign(options, { [kind]: [own].flat().map(hook => wrapHook(kind, hook, true)) })
    }
  }

  return { hooks, wrap, wrapHook, wrapRouteHooks }
}

function watchErrors(addHook: Callback, record: Recorder): void {
  addHook('onError', (request: unknown, _reply: unknown, error: Error, done: () => void) => {
    const { code = error.name, validation } = error as Error & { code?: string; validation?: unknown }
    record(request, { at: 'error', code, isValidation: validation !== undefined })
    done()
  })
}

function watchParsers(app: FastifyInstance, wrapParser: (parser: Callback) => Callback): void {
  const add = app.addContentTypeParser as unknown as Callback
  const replacement: Callback = function watchedParser(this: unknown, ...args) {
    const parser = args.pop() as Callback
    return add.call(this, ...args, wrapParser(parser))
  }
  Object.assign(app, {
    addContentTypeParser: Object.assign(replacement, app.addContentTypeParser),
  })
}

/** preSerialization sees the input of the serializer, and the first onSend hook its output. */
function watchSerialization(addHook: Callback, record: (request: unknown, event: TraceEvent) => void): void {
  const given = new WeakMap<object, string>()
  addHook('preSerialization', (request: object, _reply: unknown, payload: unknown, done: Callback) => {
    given.set(request, typeof payload)
    done(null, payload)
  })
  addHook('onSend', (request: object, _reply: unknown, payload: unknown, done: Callback) => {
    const from = given.get(request)
    if (from !== undefined) record(request, { at: 'serialize', from, to: typeof payload })
    done(null, payload)
  })
}

type WatchedRoute = {
  options: RouteOptions
  place: ReturnType<typeof callerPlace>
  handler: string
  readsBody: boolean
}

/** Returns whether a handler's own text reads the body: `request.body`, or `body` taken out of its first parameter. */
function readsBody(handler: unknown): boolean {
  return /\w\??\.body\b|^[^=]*\(\s*\{[^)]*\bbody\b/.test(String(handler))
}

function describeRoute({
  options: { method, url, config, schema },
  place,
  handler,
  readsBody,
}: WatchedRoute): ObservedRoute[] {
  const { summary, security, body, querystring, query, params, headers, response, hide } = (schema ??
    {}) as Record<string, unknown>
  const guard = (config as { guard?: unknown } | undefined)?.guard
  const schemas = Object.fromEntries(
    Object.entries({ body, querystring: querystring ?? query, params, headers }).filter(
      ([, value]) => value !== undefined,
    ),
  )
  return [method].flat().map(name => ({
    method: name,
    url,
    summary: typeof summary === 'string' ? summary : undefined,
    guard: guardLabel(guard),
    security: Array.isArray(security) ? security.flatMap(entry => Object.keys(entry as object)) : [],
    handler,
    place,
    statuses: Object.keys(response ?? {})
      .map(Number)
      .filter(Number.isInteger),
    readsBody,
    isHidden: hide === true,
    // A copy without functions and symbols, which messages cannot carry.
    schemas: JSON.parse(JSON.stringify(schemas)),
  }))
}

/** The words of the report for what a guard requires. */
const GUARD_LABELS: Readonly<Record<string, string>> = {
  user: 'JWT',
  owner: 'JWT + Owner',
  admin: 'JWT + admin',
  refreshToken: 'Refresh token',
  refreshCookie: 'Refresh cookie',
  metricsToken: 'Metrics token',
}

/** Returns the label of a route's guard: its own text, or that of what it requires; undefined where there is none. */
function guardLabel(guard: unknown): string | undefined {
  if (typeof guard === 'string') return guard
  const { requires } = (guard ?? {}) as { requires?: string }
  return requires === undefined ? undefined : (GUARD_LABELS[requires] ?? requires)
}
