/** What a security probe is, and how it says what it found. */

import { type Evidence, fact, type SomeEvidence } from '../document/evidence.ts'
import { some } from '../document/rows.ts'
import type { Answer, Http } from '../http.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import type { Internals, Subject } from '../subject/subject.ts'
import type { Actors } from './actors.ts'
import type { Exhausted } from './exhaust.ts'

export type ProbeContext = {
  http: Http
  /** The app's own routes. */
  routes: readonly ObservedRoute[]
  subject: Subject
  /** A client that has asked until it was refused; made once. */
  exhausted: () => Promise<Exhausted>
}

/** Of a service of this repository's kind there is more: accounts, the database and the key. */
export type ServiceContext = ProbeContext & { actors: Actors; internals: Internals }

type Common = {
  id: string
  /** The measure, as the report says it; `{name}` stands for a fact that the probe finds. */
  claim: string
  /** The clause that asks for it. */
  source: string
}

/** What the claim's `{name}`s stand for; none where it has none. */
type Facts = Record<string, string>

/** What a probe is given besides its context: where it notes what it found, and passes or fails by. */
type WithChecks = { checks: Checks }

/** For any app: HTTP is enough. */
export type AnyProbe = Common & {
  needs: 'http'
  probe: (context: ProbeContext & WithChecks) => Promise<Facts | undefined>
}

/** For services of this repository's kind. */
export type ServiceProbe = Common & {
  needs: 'service'
  probe: (context: ServiceContext & WithChecks) => Promise<Facts | undefined>
}

export type Probe = AnyProbe | ServiceProbe

export type Finding = {
  state: 'pass' | 'fail'
  facts: Facts
  evidence: SomeEvidence
}

/** Thrown by a probe that cannot tell; the message says why. */
export class NotVerified extends Error {
  override readonly name = 'NotVerified'
}

export type Checks = ReturnType<typeof createChecks>

/** Collects what was expected and what came; the finding passes where all of it was met, and something was. */
export function createChecks() {
  const evidence: Evidence[] = []
  let failures = 0

  function note(met: boolean, item: Evidence): boolean {
    if (!met) failures += 1
    evidence.push(item)
    return met
  }

  return {
    /** Notes an answer, and whether it is what it had to be. `show` names response headers to keep. */
    answer(answer: Answer, expected: string, met: boolean, show: string[] = []): boolean {
      const headers = Object.fromEntries(show.map(name => [name, String(answer.headers[name] ?? 'absent')]))
      return note(met, { ...answer.exchange, expected, met, ...(show.length > 0 && { headers }) })
    },
    /** Notes an answer that must have one of the statuses. */
    status(answer: Answer, ...statuses: number[]): boolean {
      return this.answer(answer, statuses.join(' or '), statuses.includes(answer.status))
    },
    /** Notes something else that was seen. */
    fact(what: string, value: string, is: string, met: boolean): boolean {
      return note(met, fact(what, value, { is, met }))
    },
    /** Notes something that no judgement depends on. */
    note(item: Evidence): void {
      evidence.push(item)
    },
    finding(facts: Facts = {}): Finding {
      return { state: failures === 0 ? 'pass' : 'fail', facts, evidence: some(evidence) }
    },
  }
}

/** The claim with its facts in place; without its details where the probe did not get so far. */
export function claimOf(claim: string, facts: Record<string, string>): string {
  const isKnown = [...claim.matchAll(/\{(\w+)\}/g)].every(([, name = '']) => name in facts)
  if (isKnown) return claim.replaceAll(/\{(\w+)\}/g, (_all, name: string) => facts[name] ?? '')
  return claim.replaceAll(/ \([^()]*\{[^()]*\)|: [^:]*\{.*$| ?\{\w+\}/g, '')
}
