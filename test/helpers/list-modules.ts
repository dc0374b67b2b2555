/** Loaded into the real process with `--import`: at its end, it prints the URL of every module that was loaded. */
import { writeSync } from 'node:fs'
import { registerHooks } from 'node:module'

const STDERR = 2
const urls: string[] = []

registerHooks({
  load(url, context, nextLoad) {
    urls.push(url)
    return nextLoad(url, context)
  },
})
process.on('exit', () => writeSync(STDERR, JSON.stringify(urls)))
