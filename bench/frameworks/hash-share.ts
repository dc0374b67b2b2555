/** The logins of each subject, as a share of the password hashes that the cores can compute. */
import { availableParallelism } from 'node:os'
import { formatMs, formatNumber, markdownTable } from '../output/table.ts'
import type { Group } from '../result/schema.ts'
import { median } from '../stats/summary.ts'

/**
 * Returns the shares of the rounds of a subject: its rate, by cores / hash time, each with the hash time of its own round. A
 * round that is void, or without a hash time, has none.
 */
export function hashShares(
  { subjects, hashMs = [] }: Group,
  name: string,
  scenario: string,
  cores = availableParallelism(),
): number[] {
  const subject = subjects.find(one => one.name === name)
  const rounds = subject?.scenarios.find(one => one.name === scenario)?.rounds ?? []
  return rounds.flatMap((round, i) => {
    const ms = hashMs[i]
    return ms === undefined || round.void !== undefined ? [] : (round.rate * ms) / (1000 * cores)
  })
}

/** Returns whether the share of some subject is above 1, and so void. */
export function hasVoidShare(group: Group, scenario: string): boolean {
  return group.subjects.some(({ name }) => median(hashShares(group, name, scenario)) > 1)
}

/** Returns the table of the median shares. One above 1 is void: no login is faster than its own hash. */
export function renderHashShare(group: Group, scenario: string, cores = availableParallelism()): string {
  const usual = median(group.hashMs ?? [])
  const shares = group.subjects.map(({ name }) => ({
    name,
    share: median(hashShares(group, name, scenario, cores)),
  }))
  const rows = shares.map(({ name, share }) => [name, share > 1 ? 'void' : formatShare(share)])
  const isVoid = shares.some(({ share }) => share > 1)
  return [
    `${scenario}, share of what the hash allows, timed in turn with the logins:`,
    '',
    markdownTable(['Subject', 'Share'], rows),
    '',
    `${cores} cores / ${formatMs(usual)} for a hash while each core computes one: ${formatNumber((cores * 1000) / usual)} rps.`,
    ...(isVoid
      ? ['VOID: a share above 1. The machine was slower for the hashes than for the logins; measure again.']
      : []),
  ].join('\n')
}

function formatShare(share: number): string {
  return Number.isNaN(share) ? '–' : share.toFixed(2)
}
