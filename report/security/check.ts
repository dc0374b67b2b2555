/** A security check: what it claims, what it requires, and how it records what it found. */
import { type Evidence, fact, type SomeEvidence, some } from '../document/evidence.ts'
import { NotVerified } from '../errors.ts'
import type { Http, HttpResponse } from '../http.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import type { Api } from '../service/api.ts'
import type { Objects } from '../service/objects.ts'
import type { Internals, Subject } from '../subject/subject.ts'
import { type Sample, type Scope, scopeOf } from '../sweep/sample.ts'
import type { Sweep } from '../sweep/sweep.ts'
import type { Actors } from './actors.ts'
import type { Exhausted } from './exhaust.ts'

export type CheckContext = {
  http: Http
  /** The routes of the app. */
  routes: readonly ObservedRoute[]
  subject: Subject
  /** Returns a client that has sent requests until it was refused. Runs once. */
  exhausted: () => Promise<Exhausted>
  api: Api
  /** Returns the responses to all that the report asks every route. Runs once. */
  sweep: () => Promise<Sweep>
}

/** What a service of this repository's kind offers in addition: accounts, the database and the signing key. */
export type ServiceContext = CheckContext & { actors: Actors; internals: Internals; objects: Objects }

type Common = {
  /** Unique among all checks, and the same in every report. */
  id: string
  /** The check's place in the report, lowest first. Checks without a rank come last, in the order of their ids. */
  rank?: number
  /** The measure as the report prints it. `{name}` stands for a value that the check finds. */
  claim: string
  /** The clause that requires it. */
  source: string
  /**
   * Runs after all others, with the service for itself: what it measures would change with other requests. A check that
   * disturbs the service comes last of all.
   */
  isAlone?: 'measures' | 'disturbs'
}

/** The values of the claim's placeholders. */
type Values = Record<string, string>

type WithExpectations = { expect: Expectations }

/** A check that needs HTTP only: it works for every app. */
export type HttpCheck = Common & {
  needs: 'http'
  run: (context: CheckContext & WithExpectations) => Promise<Values | undefined>
}

/** A check that needs the accounts, the database or the key of a service of this repository's kind. */
export type ServiceCheck = Common & {
  needs: 'service'
  run: (context: ServiceContext & WithExpectations) => Promise<Values | undefined>
}

export type Check = HttpCheck | ServiceCheck

export type Finding = {
  state: 'pass' | 'fail'
  values: Values
  evidence: SomeEvidence
}

export type Expectations = ReturnType<typeof createExpectations>

/** More examples of one fault say nothing new. */
const MAX_SHOWN = 20

/** Returns a recorder of expectations. Its finding passes when all of them were met, and fails otherwise. */
export function createExpectations() {
  const evidence: Evidence[] = []
  let failures = 0

  function record(met: boolean, item: Evidence): boolean {
    if (!met) failures += 1
    evidence.push(item)
    return met
  }

  return {
    /** Records a response and whether it is as expected. `show` lists response headers to keep as evidence. */
    response(response: HttpResponse, expected: string, met: boolean, show: string[] = []): boolean {
      const headers = Object.fromEntries(show.map(name => [name, String(response.headers[name] ?? 'absent')]))
      return record(met, { ...response.exchange, expected, met, ...(show.length > 0 && { headers }) })
    },
    /** Records a response that must have one of the statuses. */
    status(response: HttpResponse, ...statuses: number[]): boolean {
      return this.response(response, statuses.join(' or '), statuses.includes(response.status))
    },
    /** Records another observation. */
    fact(what: string, value: string, is: string, met: boolean): boolean {
      return record(met, fact(what, value, { is, met }))
    },
    /**
     * Records what samples of the sweep are expected to be: all that are not, and the breadth of all. Returns
     * the breadth. Throws NotVerified where there is no sample, so that a claim about nothing is never a pass.
     */
    samples(
      samples: readonly Sample[],
      expected: string,
      isMet: (sample: Sample) => boolean,
      show: string[] = [],
    ): Scope {
      if (samples.length === 0) throw new NotVerified('no request of this kind could be sent')
      const unmet = samples.filter(sample => !isMet(sample))
      for (const { response } of unmet.slice(0, MAX_SHOWN)) this.response(response, expected, false, show)
      if (unmet.length > MAX_SHOWN)
        record(false, fact('further responses like these', String(unmet.length - MAX_SHOWN)))
      const scope = scopeOf(samples)
      evidence.push({ kind: 'scope', expected, met: samples.length - unmet.length, ...scope })
      return scope
    },
    /** Records evidence that does not decide the result. */
    note(item: Evidence): void {
      evidence.push(item)
    },
    finding(values: Values = {}): Finding {
      return { state: failures === 0 ? 'pass' : 'fail', values, evidence: some(evidence) }
    },
  }
}

/** Returns the claim with its values in place. Where a value is missing, the part that needs it is left out. */
export function fillClaim(claim: string, values: Values): string {
  const isComplete = [...claim.matchAll(/\{(\w+)\}/g)].every(([, name = '']) => name in values)
  if (isComplete) return claim.replaceAll(/\{(\w+)\}/g, (_all, name: string) => values[name] ?? '')
  return claim.replaceAll(/ \([^()]*\{[^()]*\)|: [^:]*\{.*$| ?\{\w+\}/g, '')
}
