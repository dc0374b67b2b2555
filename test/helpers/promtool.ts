/** Runs `promtool check metrics`, Prometheus's own check of names, units, types and help. */
import { spawnSync } from 'node:child_process'

/** Returns the problems that promtool reports, as text. Throws where it is not installed. */
export function lintMetrics(text: string): string {
  const { error, stdout, stderr, status } = spawnSync('promtool', ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  })
  if (error) throw new Error(`promtool does not run; it is in Debian's package prometheus: ${error.message}`)
  return `${stdout}${stderr}${status === 0 ? '' : `exit code ${status}`}`
}
