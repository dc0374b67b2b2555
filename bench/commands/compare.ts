/** `compare <a> <b>`: is the second result slower than the first? */

import { UsageError } from '../../harness/errors.ts'
import { compareScenarios, EXIT_CODES, exitCodeOfComparison, obstacles } from '../compare.ts'
import { busyLimitOf, share, type Values } from '../options.ts'
import { disturbedLines, labelRounds, voidLines } from '../output/caveats.ts'
import { renderComparison } from '../output/comparison.ts'
import { readResult } from '../result/store.ts'
import type { Context } from './context.ts'

/** Returns the share by which something may be slower: 5 % where nothing was said. */
export function maxRegressionOf(values: Values): number {
  return share('max-regression', values['max-regression'] ?? '5%')
}

/** Prints the comparison; returns 0 fine, 1 regression, 2 not comparable, 3 cannot tell. */
export async function compareCommand({ operands, values, print }: Context): Promise<number> {
  const [baseName, headName] = operands
  if (!baseName || !headName) throw new UsageError('compare takes two names or files of results')
  const [base, head] = [await readResult(baseName), await readResult(headName)]
  const reasons = obstacles(base, head)
  if (reasons.length > 0 && !values.force) {
    print(`Not comparable: ${reasons.join('; ')}. (--force compares them anyway.)`)
    return EXIT_CODES.notComparable
  }
  const maxRegression = maxRegressionOf(values)
  const busyLimit = busyLimitOf(values)
  const comparisons = compareScenarios(base.scenarios, head.scenarios, {
    mode: head.options.mode,
    isPaired: false,
    maxRegression,
    busyLimit,
  })
  print(renderComparison(comparisons, { base: baseName, head: headName }, maxRegression))
  printLeftOut(
    [
      { ...base, name: baseName },
      { ...head, name: headName },
    ],
    busyLimit,
    print,
  )
  for (const reason of reasons) print(`Forced, although ${reason}.`)
  if (base.quick || head.quick) print('QUICK: at least one of them has short rounds.')
  print(
    'Measured one after the other: what the machine did meanwhile is in the ratio. `ab` measures side by side.',
  )
  return exitCodeOfComparison(comparisons)
}

/** Says how many rounds of each result are void or disturbed: the comparison leaves them out. */
export function printLeftOut(
  results: Parameters<typeof labelRounds>[0],
  busyLimit: number,
  print: (line: string) => void,
): void {
  const lists = labelRounds(results)
  const lines = [...voidLines(lists), ...disturbedLines(lists, busyLimit)]
  for (const line of lines) print(`${line} They are left out.`)
}
