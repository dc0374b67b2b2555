/** Makes one chain of stages out of the traces of many requests, and says which stage answered one of them. */
import { basename, dirname } from 'node:path'
import {
  type HookKind,
  LIFECYCLE,
  type Observation,
  type ObservedHook,
  type TraceEvent,
} from '../observe/observation.ts'

export type Stage = { key: string; label: string; hooks: ObservedHook[]; seen: string }

/** Fastify's own stages stand between the kinds of hooks. */
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
  Handler: 'requests that a handler answered',
  Serialize: 'replies that a serializer wrote',
}

/** Hooks that Fastify adds by itself. */
const FASTIFYS_OWN = new Set(['headRouteOnSendHandler'])

export type Stages = ReturnType<typeof orderStages>

/** The stages in the order in which the requests met them. */
export function orderStages(
  traces: readonly TraceEvent[][],
  { hooks, entry }: Pick<Observation, 'hooks' | 'entry'>,
) {
  const found = new Map<string, Stage & { phase: Phase }>()
  const order: string[] = []

  function stageOf(event: TraceEvent): (Stage & { phase: Phase }) | undefined {
    if (event.at === 'hook') return hookStage(hooks[event.hook])
    if (event.at === 'parse') return ownStage('Parse')
    if (event.at === 'handler') return ownStage('Handler')
    if (event.at === 'serialize') return ownStage('Serialize')
    return ownStage(
      event.isValidation ? 'Validate' : event.code.startsWith('FST_ERR_CTP_') ? 'Parse' : undefined,
    )
  }

  function ownStage(phase: Phase | undefined) {
    if (phase === undefined) return undefined
    return remember({ key: phase, label: phase, phase, hooks: [], seen: OWN_STAGES[phase] ?? '' })
  }

  function hookStage(hook: ObservedHook | undefined) {
    if (!hook || hook.kind === 'onResponse' || FASTIFYS_OWN.has(hook.name)) return undefined
    const label = labelOf(hook, entry?.file)
    const stage = remember({ key: `${hook.kind} ${label}`, label, phase: hook.kind, hooks: [], seen: '' })
    if (!stage.hooks.some(known => known.name === hook.name && known.place?.line === hook.place?.line)) {
      stage.hooks.push(hook)
    }
    return stage
  }

  function remember(stage: Stage & { phase: Phase }) {
    const known = found.get(stage.key)
    if (known) return known
    found.set(stage.key, stage)
    return stage
  }

  for (const trace of traces) insert(order, [...new Set(trace.flatMap(event => stageOf(event)?.key ?? []))])
  const rank = (key: string) => PHASES.indexOf(found.get(key)?.phase ?? 'Handler')
  const sorted = order.toSorted((a, b) => rank(a) - rank(b))
  return {
    order: sorted.flatMap(key => found.get(key) ?? []),

    /** The stage that gave the answer; none where it came from nobody that was observed, or was the handler's success. */
    answering(trace: readonly TraceEvent[], status: number): string | undefined {
      // No route matched: nobody refused anything.
      if (status === 404 && !trace.some(event => event.at === 'handler')) return undefined
      const error = trace.findIndex(event => event.at === 'error')
      const failed = trace[error]
      if (failed) {
        const named = stageOf(failed)
        return (named ?? lastStage(trace.slice(0, error)))?.key
      }
      if (trace.some(event => event.at === 'handler')) return undefined
      return lastStage(trace.filter(isBeforeHandler))?.key
    },
  }

  function lastStage(events: readonly TraceEvent[]) {
    return events.flatMap(event => stageOf(event) ?? []).at(-1)
  }

  function isBeforeHandler(event: TraceEvent): boolean {
    const kind = event.at === 'hook' ? hooks[event.hook]?.kind : undefined
    return kind !== undefined && BEFORE_HANDLER.includes(kind)
  }
}

const BEFORE_HANDLER: readonly HookKind[] = LIFECYCLE.slice(0, LIFECYCLE.indexOf('preSerialization'))

/** Puts what is new of a sequence into an order, behind its predecessor there. */
function insert(order: string[], sequence: readonly string[]): void {
  let at = 0
  for (const key of sequence) {
    const known = order.indexOf(key)
    if (known === -1) order.splice(at, 0, key)
    at = (known === -1 ? at : known) + 1
  }
}

/**
 * What a stage is called: after the package or the file that its hook was added in, or after the hook itself where it
 * stands in the app's main file or in a route, or where the file's name would read as one of Fastify's own stages.
 */
export function labelOf(
  { name, place }: Pick<ObservedHook, 'name' | 'place'>,
  entry: string | undefined,
): string {
  if (!place || place.file === entry) return pascal(name) || 'Hook'
  const installed = /node_modules\/(?:@[^/]+\/)?([^/]+)/.exec(place.file)?.[1]
  if (installed !== undefined) return pascal(installed.replace(/^fastify-/, ''))
  const stem = basename(place.file).replace(/\.\w+$/, '')
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
