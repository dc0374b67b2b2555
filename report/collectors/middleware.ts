/** Middleware Stack: the order in which observed requests met the hooks, and what each stage answered when provoked. */
import type { Row } from '../document/document.ts'
import { type Evidence, type Exchange, fact } from '../document/evidence.ts'
import { some } from '../document/rows.ts'
import { NONE } from '../document/sections.ts'
import type { Answer } from '../http.ts'
import { provocations } from '../middleware/provoke.ts'
import { orderStages, type Stage } from '../middleware/stages.ts'
import type { TraceEvent } from '../observe/observation.ts'
import type { Collector, Context } from './context.ts'

export const middleware: Collector = { section: 'middleware', collect: collectMiddleware }

/** Answers of one status that stand as evidence; more of them say nothing new. */
const EXAMPLES = 2

async function collectMiddleware(context: Context): Promise<Row[]> {
  const provoked = await Promise.all(
    (await provocations(context)).map(async answer => ({
      answer,
      trace: await context.http.trace(answer.traceId),
    })),
  )
  const observed = [...context.surveyed, ...provoked]
  const stages = orderStages(
    observed.map(({ trace }) => trace),
    context.subject.observation,
  )
  const answersOf = new Map<string, Exchange[]>()
  for (const { answer, trace } of observed) {
    const stage = stages.answering(trace, answer.status)
    if (stage === undefined) continue
    const list = answersOf.get(stage) ?? []
    answersOf.set(stage, list)
    list.push(answer.exchange)
  }
  return stages.order.map(stage => rowOf(stage, answersOf.get(stage.key) ?? [], transforms(observed)))
}

function rowOf(stage: Stage, exchanges: readonly Exchange[], isTransforming: boolean): Row {
  const statuses = [...new Set(exchanges.map(({ status }) => status))].sort((a, b) => a - b)
  const isSerialize = stage.key === 'Serialize'
  const answers = isSerialize && isTransforming ? 'Transform' : statuses.join(', ') || NONE
  const examples = statuses.flatMap(status =>
    exchanges.filter(other => other.status === status).slice(0, EXAMPLES),
  )
  const hooks: Evidence[] = stage.hooks.flatMap(({ kind, name, place }): Evidence[] => [
    fact(kind, name || 'an unnamed hook'),
    ...(place ? [{ kind: 'source' as const, ...place }] : []),
  ])
  const own = hooks.length > 0 ? hooks : [fact('seen in', stage.seen)]
  return {
    id: stage.key,
    cells: [stage.label, answers],
    state: 'pass',
    evidence: some([...own, ...examples]),
  }
}

/** Whether a reply that the handler made as an object went out as text of the serializer's. */
function transforms(observed: readonly { answer: Answer; trace: TraceEvent[] }[]): boolean {
  return observed.some(({ answer, trace }) => {
    const wasHandled =
      trace.some(event => event.at === 'handler') && !trace.some(event => event.at === 'error')
    return (
      answer.status < 300 &&
      wasHandled &&
      trace.some(event => event.at === 'serialize' && event.to === 'string')
    )
  })
}
