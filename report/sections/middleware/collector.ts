/** Middleware Stack: the order in which requests ran through the hooks, and the statuses that each stage sent. */
import type { Collector, Context } from '../../context.ts'
import type { Row } from '../../document/document.ts'
import { type Evidence, type Exchange, fact, some } from '../../document/evidence.ts'
import type { HttpResponse } from '../../http.ts'
import type { TraceEvent } from '../../observe/observation.ts'
import { NONE } from '../form.ts'
import { provokeStages } from './provoke.ts'
import { orderStages, type Stage } from './stages.ts'

export const middleware: Collector = { section: 'middleware', collect: collectMiddleware }

/** Responses of one status that are kept as evidence. */
const MAX_EXAMPLES = 2

async function collectMiddleware(context: Context): Promise<Row[]> {
  const provoked = await Promise.all(
    (await provokeStages(context)).map(async response => ({
      response,
      trace: await context.http.trace(response.traceId),
    })),
  )
  const responded = context.surveyed.flatMap(({ response, trace }) => (response ? [{ response, trace }] : []))
  const observed = [...responded, ...provoked]
  const stages = orderStages(
    observed.map(({ trace }) => trace),
    context.subject.observation,
  )
  const exchangesOf = new Map<string, Exchange[]>()
  for (const { response, trace } of observed) {
    const stage = stages.responder(trace, response.status)
    if (stage === undefined) continue
    const list = exchangesOf.get(stage) ?? []
    exchangesOf.set(stage, list)
    list.push(response.exchange)
  }
  return stages.order.map(stage => rowOf(stage, exchangesOf.get(stage.key) ?? [], transforms(observed)))
}

function rowOf(stage: Stage, exchanges: readonly Exchange[], isTransforming: boolean): Row {
  const statuses = [...new Set(exchanges.map(({ status }) => status))].sort((a, b) => a - b)
  const isSerialize = stage.key === 'Serialize'
  const responses = isSerialize && isTransforming ? 'Transform' : statuses.join(', ') || NONE
  const examples = statuses.flatMap(status =>
    exchanges.filter(other => other.status === status).slice(0, MAX_EXAMPLES),
  )
  const hooks: Evidence[] = stage.hooks.flatMap(({ kind, name, place }): Evidence[] => [
    fact(kind, name || 'an unnamed hook'),
    ...(place ? [{ kind: 'source' as const, ...place }] : []),
  ])
  const own = hooks.length > 0 ? hooks : [fact('seen in', stage.seen)]
  return {
    id: stage.key,
    cells: [stage.label, responses],
    state: 'pass',
    evidence: some([...own, ...examples]),
  }
}

/** Returns whether the serializer turned an object of a handler into text. */
function transforms(observed: readonly { response: HttpResponse; trace: TraceEvent[] }[]): boolean {
  return observed.some(({ response, trace }) => {
    const wasHandled =
      trace.some(event => event.at === 'handler') && !trace.some(event => event.at === 'error')
    return (
      response.status < 300 &&
      wasHandled &&
      trace.some(event => event.at === 'serialize' && event.to === 'string')
    )
  })
}
