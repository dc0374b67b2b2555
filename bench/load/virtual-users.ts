/** The virtual users of a load: each has one connection and the state of one session. */
import type { Endpoint } from '../scenario.ts'
import { createRandom, type Random } from '../stats/random.ts'
import type { WireRequest } from './connection.ts'
import { compileEndpoint, type Datasets, type Row } from './template.ts'

export type Planned = {
  /** Index into the job's endpoints. */
  endpoint: number
  request: WireRequest
}

type Requests = {
  origin: string
  endpoints: readonly Endpoint[]
  seed: number
}

/**
 * Returns the requests of all virtual users: `next(user)` draws an endpoint by weight and fills it, `capture` takes from
 * a response what the user's next request needs. User i has row i of the data set `sessions`, for as long as the data
 * lives: a one-use token that was issued in one round is there in the next.
 */
export function createVirtualUsers({ origin, endpoints, seed }: Requests, data: Datasets) {
  const { host } = new URL(origin)
  const random = createRandom(seed)
  const chooseEndpoint = createChooser(endpoints, random)
  const renders = endpoints.map(endpoint => compileEndpoint(endpoint, host))
  const sessions = data.sessions ?? []
  // Unique over runs of the bench too, so that a counter can name what must not exist yet.
  let counter = Date.now() * 1000
  const count = (): number => ++counter

  return {
    hasCapture: endpoints.some(endpoint => endpoint.capture),

    next(user: number): Planned {
      const endpoint = chooseEndpoint()
      const render = renders[endpoint]
      if (!render) throw new Error(`there is no endpoint ${endpoint}`)
      return { endpoint, request: render({ data, session: sessionOf(user), random, count }) }
    },

    /** Returns why nothing could be taken, if so. */
    capture(user: number, endpoint: number, status: number, body: string): string | undefined {
      const wanted = endpoints[endpoint]?.capture
      if (!wanted || status >= 400) return undefined
      const value = parseJson(body)
      if (value === undefined) return 'a response to take a value from, which is not JSON'
      const session = sessionOf(user)
      for (const [field, path] of Object.entries(wanted)) session[field] = String(valueAt(value, path))
      return undefined
    },
  }

  function sessionOf(user: number): Row {
    return sessions[user % Math.max(1, sessions.length)] ?? {}
  }
}

function createChooser(endpoints: readonly Endpoint[], random: Random): () => number {
  const weights = endpoints.map(endpoint => endpoint.weight ?? 1)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return () => {
    let left = random() * total
    const chosen = weights.findIndex(weight => {
      left -= weight
      return left < 0
    })
    return chosen === -1 ? weights.length - 1 : chosen
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function valueAt(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
      value,
    )
}
