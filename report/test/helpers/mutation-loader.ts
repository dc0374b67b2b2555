/** Loaded before a service (`node --import`): changes its source as the query of this module's URL says. */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { stopCoverage } from 'node:v8'

/** `file` is the end of a path; `from` is a text that the file must contain. */
export type Replacement = { file: string; from: string; to: string }

const replacements: Replacement[] = JSON.parse(new URL(import.meta.url).searchParams.get('replace') ?? '[]')

// Coverage counts by position in the text. The changed text would spoil the counts of the other processes.
stopCoverage()

registerHooks({
  load(url, context, nextLoad) {
    const own = replacements.filter(({ file }) => url.endsWith(`/${file}`))
    if (own.length === 0) return nextLoad(url, context)
    const source = own.reduce(
      (text, { file, from, to }) => {
        // A mutation that changes nothing proves nothing.
        if (!text.includes(from)) throw new Error(`${file} does not contain: ${from}`)
        return text.replace(from, () => to)
      },
      readFileSync(fileURLToPath(url), 'utf8'),
    )
    return { format: 'module-typescript', source, shortCircuit: true }
  },
})
