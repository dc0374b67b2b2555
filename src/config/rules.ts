/** The rules of settings in words, such as "must be an integer from 0 to 65535", for messages. */
import type { TSchema } from '@sinclair/typebox'
import { postgresUrlProblem, redisUrlProblem } from '../lib/connection-url.ts'

/** Formats whose message depends on the value. No message quotes it. */
const REASONS: Record<string, (value: string) => string | undefined> = {
  'postgres-url': postgresUrlProblem,
  'redis-url': redisUrlProblem,
}

/** The formats of connection strings, as functions for ajv. */
export const urlFormats = Object.entries(REASONS).map(
  ([name, problemOf]) => [name, (value: string) => problemOf(value) === undefined] as const,
)

/** Returns the rule that a value breaks, such as "must be an integer from 0 to 65535". */
export function brokenRule(schema: TSchema, value: string): string {
  return REASONS[schema.format ?? '']?.(value) ?? ruleOf(schema)
}

/** Returns the rule of a setting: the schema's own words, or words for its limits. */
function ruleOf({ rule, anyOf, type, minimum, maximum, minLength }: TSchema): string {
  if (rule !== undefined) return `must be ${rule}`
  if (anyOf !== undefined) return `must be one of ${anyOf.map((option: TSchema) => option.const).join(', ')}`
  if (type === 'integer') return `must be an integer from ${minimum} to ${maximum}`
  if (type === 'number') return `must be a number from ${minimum} to ${maximum}`
  return minLength === 1 ? 'must not be empty' : `must have at least ${minLength} characters`
}
