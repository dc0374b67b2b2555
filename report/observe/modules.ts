/** Watches which files a process loads as modules. */
import nodeModule, { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'

/** Calls `onLoad` with the URL of each module, at the latest when the function is called that this returns. */
export function watchModules(onLoad: (url: string) => void): () => void {
  // Node.js has it from 22.15 on.
  if (typeof nodeModule.registerHooks !== 'function') return watchInThread(onLoad)
  nodeModule.registerHooks({
    load(url, context, nextLoad) {
      onLoad(url)
      return nextLoad(url, context)
    },
  })
  return () => {}
}

/** The hooks run in another thread, and see imports only. What was required is in the cache. */
function watchInThread(onLoad: (url: string) => void): () => void {
  const { port1, port2 } = new MessageChannel()
  const data: LoaderData = { port: port2 }
  nodeModule.register(new URL('./module-loader.ts', import.meta.url), { data, transferList: [port2] })
  const { cache } = createRequire(import.meta.url)
  return () => {
    for (let next = receiveMessageOnPort(port1); next; next = receiveMessageOnPort(port1))
      onLoad(next.message)
    for (const file of Object.keys(cache)) onLoad(pathToFileURL(file).href)
  }
}

export type LoaderData = { port: MessagePort }
