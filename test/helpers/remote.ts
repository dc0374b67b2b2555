/** A client of a service in another process, and traffic for tests that inject a failure. */
import { setTimeout as sleep } from 'node:timers/promises'
import { PASSWORD, type Tokens } from './app.ts'

type CallOptions = {
  token?: string
  body?: unknown
  /** A body as it is on the wire, with the type of JSON; instead of `body`. */
  text?: string
  headers?: Record<string, string>
}

export type Answer = { status: number; headers: Headers; text: string; milliseconds: number }

export type Remote = ReturnType<typeof createRemote>

export function createRemote(origin: string) {
  async function call(
    method: string,
    path: string,
    { token, body, text: raw, headers }: CallOptions = {},
  ): Promise<Answer> {
    const payload = body === undefined ? raw : JSON.stringify(body)
    const since = performance.now()
    const response = await fetch(origin + path, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(payload !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(payload !== undefined && { body: payload }),
    })
    const text = await response.text()
    const milliseconds = performance.now() - since
    return { status: response.status, headers: response.headers, text, milliseconds }
  }

  /** Registers a user and logs in. */
  async function signUp() {
    const email = `user-${crypto.randomUUID()}@example.com`
    const profile = { email, displayName: 'Ada Lovelace' }
    const { user } = await json('/api/v1/auth/register', { ...profile, password: PASSWORD })
    const tokens = (await json('/api/v1/auth/login', { email, password: PASSWORD })) as Tokens
    return { ...profile, ...tokens, id: user.id as string }
  }

  async function json(path: string, body: unknown) {
    const { status, text } = await call('POST', path, { body })
    if (status >= 300) throw new Error(`${path} answered ${status}: ${text}`)
    return JSON.parse(text)
  }

  /** Returns the value of a metric without labels. */
  async function metric(name: string, token?: string): Promise<number> {
    const { text } = await call('GET', '/metrics', { ...(token !== undefined && { token }) })
    const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]
    if (value === undefined) throw new Error(`there is no metric ${name}`)
    return Number(value)
  }

  return { call, signUp, metric }
}

/** The status of a request whose connection broke. */
const NO_ANSWER = 0

/**
 * Repeats a call of `clients` clients at once until `end` is called, which returns every response. Where none came, the
 * status is 0 and the text is the reason.
 */
export function startTraffic(clients: number, ask: () => Promise<Answer>, pause = 5) {
  const answers: Answer[] = []
  let isOver = false
  const running = Array.from({ length: clients }, async () => {
    while (!isOver) {
      answers.push(await ask().catch(noAnswer))
      await sleep(pause)
    }
  })
  return {
    answers,
    async end(): Promise<Answer[]> {
      isOver = true
      await Promise.all(running)
      return answers
    },
  }
}

function noAnswer(error: Error): Answer {
  return { status: NO_ANSWER, headers: new Headers(), text: String(error.cause ?? error), milliseconds: 0 }
}
