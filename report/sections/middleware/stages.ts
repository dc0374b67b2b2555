/** Derives one chain of stages from the traces of many requests, and finds the stage that sent a response. */
import { basename, dirname } from 'node:path'
import {
  type HookKind,
  LIFECYCLE,
  type Observation,
  type ObservedHook,
  type TraceEvent,
} from '../../observe/observation.ts'

export type Stage = { key: string; label: string; hooks: ObservedHook[]; seen: string }

/** Fastify's own stages run between the kinds of hooks. */
const PHASES = [
  'onRequest',
  'preParsing',
  'Parse',
  'preValidation',
  'Validate',
  'preHandler',
  'Handler',
  'preSerialization',
  'Serialize',
  'onSend',
] as const

type Phase = (typeof PHASES)[number]

const OWN_STAGES: Partial<Record<Phase, string>> = {
  Parse: 'requests whose body was read',
  Validate: 'requests that a schema refused',
  Handler: 'requests that reached a handler',
  Serialize: 'responses that a serializer wrote',
}

/** Hooks that Fastify itself adds. */
const FASTIFYS_OWN = new Set(['headRouteOnSendHandler'])

export type Stages = ReturnType<typeof orderStages>

type Observed = Pick<Observation, 'hooks' | 'entry'>
type PhasedStage = Stage & { phase: Phase }
type Find = (event: TraceEvent) => PhasedStage | undefined

/** Returns the stages in the order in which the requests ran through them. */
export function orderStages(traces: readonly TraceEvent[][], observed: Observed) {
  const { found, stageOf } = createStages(observed)
  const order: string[] = []
  for (const trace of traces) insert(order, [...new Set(trace.flatMap(event => stageOf(event)?.key ?? []))])
  const rank = (key: string) => PHASES.indexOf(found.get(key)?.phase ?? 'Handler')
  const sorted = order.toSorted((a, b) => rank(a) - rank(b))
  return {
    order: sorted.flatMap(key => found.get(key) ?? []),
    /** Returns the stage that sent the response. Undefined where no route matched, or the handler sent it without an error. */
    responder: (trace: readonly TraceEvent[], status: number): string | undefined =>
      respondingStage(trace, status, stageOf, observed.hooks)?.key,
  }
}

/** Returns a function that finds the stage of an event: the same stage for the same hook. */
function createStages({ hooks, entry }: Observed): { found: Map<string, PhasedStage>; stageOf: Find } {
  const found = new Map<string, PhasedStage>()

  function remember(stage: PhasedStage): PhasedStage {
    const known = found.get(stage.key) ?? stage
    found.set(stage.key, known)
    return known
  }

  function ownStage(phase: Phase): PhasedStage {
    return remember({ key: phase, label: phase, phase, hooks: [], seen: OWN_STAGES[phase] ?? '' })
  }

  function hookStage(hook: ObservedHook | undefined): PhasedStage | undefined {
    if (!hook || hook.kind === 'onResponse' || FASTIFYS_OWN.has(hook.name)) return undefined
    const label = labelOf(hook, entry?.file)
    const stage = remember({ key: `${hook.kind} ${label}`, label, phase: hook.kind, hooks: [], seen: '' })
    if (!stage.hooks.some(known => known.name === hook.name && known.place?.line === hook.place?.line)) {
      stage.hooks.push(hook)
    }
    return stage
  }

  function stageOf(event: TraceEvent): PhasedStage | undefined {
    if (event.at === 'hook') return hookStage(hooks[event.hook])
    if (event.at === 'parse') return ownStage('Parse')
    if (event.at === 'handler') return ownStage('Handler')
    if (event.at === 'serialize') return ownStage('Serialize')
    if (event.isValidation) return ownStage('Validate')
    return event.code.startsWith('FST_ERR_CTP_') ? ownStage('Parse') : undefined
  }

  return { found, stageOf }
}

function respondingStage(
  trace: readonly TraceEvent[],
  status: number,
  stageOf: Find,
  hooks: readonly ObservedHook[],
): PhasedStage | undefined {
  const isHandled = trace.some(event => event.at === 'handler')
  // No route matched, so no stage refused the request.
  if (status === 404 && !isHandled) return undefined
  const lastStage = (events: readonly TraceEvent[]) => events.flatMap(event => stageOf(event) ?? []).at(-1)
  const error = trace.findIndex(event => event.at === 'error')
  const failed = trace[error]
  if (failed) return stageOf(failed) ?? lastStage(trace.slice(0, error))
  if (isHandled) return undefined
  const kindOf = (event: TraceEvent) => (event.at === 'hook' ? hooks[event.hook]?.kind : undefined)
  return lastStage(trace.filter(event => BEFORE_HANDLER.some(kind => kind === kindOf(event))))
}

const BEFORE_HANDLER: readonly HookKind[] = LIFECYCLE.slice(0, LIFECYCLE.indexOf('preSerialization'))

/** Inserts the new keys of a sequence into the order, each after its predecessor. */
function insert(order: string[], sequence: readonly string[]): void {
  let at = 0
  for (const key of sequence) {
    const known = order.indexOf(key)
    if (known === -1) order.splice(at, 0, key)
    at = (known === -1 ? at : known) + 1
  }
}

/** The hooks of a plugin that authenticates requests: one stage, with the usual name. */
const GUARD_HOOK = /^(authenticate|authorize|require)/

/**
 * Returns the name of a stage: that of the package or the file which adds its hook. The hook's own name is used where it
 * is added in the app's main file or in a route, or where the file's name would read as one of Fastify's own stages.
 */
export function labelOf(
  { name, place, isOfRoute }: Pick<ObservedHook, 'name' | 'place' | 'isOfRoute'>,
  entry: string | undefined,
): string {
  if (!place || isOfRoute || place.file === entry) return pascal(name) || 'Hook'
  const installed = /node_modules\/(?:@[^/]+\/)?([^/]+)/.exec(place.file)?.[1]
  if (installed !== undefined) return pascal(installed.replace(/^fastify-/, ''))
  const stem = basename(place.file).replace(/\.\w+$/, '')
  if (stem === 'plugin' && GUARD_HOOK.test(name)) return 'Auth'
  const label = pascal(/^(index|plugin|routes?|hooks?)$/.test(stem) ? basename(dirname(place.file)) : stem)
  return /^(Valid|Handl|Pars|Serializ)/.test(label) ? pascal(name) || label : label
}

function pascal(name: string): string {
  return name
    .split(/[^A-Za-z0-9]+/)
    .filter(Boolean)
    .map(word => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
}
