/** Marks the responses whose client has left before it had all of them. */
import type { ServerResponse } from 'node:http'

/** Not `writableFinished`: of an injected request it stays false. */
const aborted = new WeakSet<ServerResponse>()

/** Marks a response as aborted. */
export function markAborted(response: ServerResponse): void {
  aborted.add(response)
}

/** Returns whether the client has left before it had the whole response. */
export function isAborted(response: ServerResponse): boolean {
  return aborted.has(response)
}
