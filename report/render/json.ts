/** Renders a report as JSON, for programs and for `verify`. */
import type { Report } from '../document/document.ts'

export function renderJson(report: Report): string {
  return `${JSON.stringify(report, undefined, 1)}\n`
}
