/** placeholder. */
import type { Result } from '../result/schema.ts'

export function renderPage(_result: Result): string {
  return ''
}
