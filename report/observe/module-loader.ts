/** Hooks of the module loader, in its thread: sends the URL of each module that is imported. */
import type { InitializeHook, LoadHook } from 'node:module'
import type { MessagePort } from 'node:worker_threads'
import type { LoaderData } from './modules.ts'

let port: MessagePort | undefined

export const initialize: InitializeHook<LoaderData> = data => {
  port = data.port
}

export const load: LoadHook = (url, context, nextLoad) => {
  port?.postMessage(url)
  return nextLoad(url, context)
}
