/** Finds the place of a call: the nearest stack frame that is neither Fastify's nor the observer's. */
import { relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Place } from './observation.ts'

/** The folder of the observer. */
export const OBSERVER = fileURLToPath(new URL('.', import.meta.url))
const FRAMEWORK = /\/node_modules\/(fastify|avvio|fastify-plugin)\//

/** Plugins that load folders, and validators, add many frames of their own. */
const MAX_FRAMES = 40

/** Returns the place of the caller, relative to `root`, beyond `skipped`; undefined where only Fastify is on the stack. */
export function callerPlace(root: string, skipped?: RegExp): Place | undefined {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = MAX_FRAMES
  const frames = (new Error('for its stack').stack ?? '').split('\n').slice(1)
  Error.stackTraceLimit = limit
  for (const frame of frames) {
    const match = /\(?((?:file:\/\/)?\/[^()]*):(\d+):\d+\)?$/.exec(frame.trim())
    const [, where = '', line = ''] = match ?? []
    const file = where.startsWith('file:') ? fileURLToPath(where) : where
    if (file === '' || file.startsWith(OBSERVER) || FRAMEWORK.test(file) || skipped?.test(file)) continue
    return { file: shortName(file, root), line: Number(line) }
  }
  return undefined
}

/** Returns a path relative to `root`; for installed code, the path from `node_modules/` on. */
export function shortName(file: string, root: string): string {
  const installed = file.lastIndexOf(`${sep}node_modules${sep}`)
  if (installed !== -1) return file.slice(installed + 1)
  return relative(root, file)
}
