/** Loaded before a service (`node --import`): changes its source on the way in, as the query of this module's URL says. */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { stopCoverage } from 'node:v8'

/** `file` is the end of a path, `from` a text that has to be in it. */
export type Replacement = { file: string; from: string; to: string }

const replacements: Replacement[] = JSON.parse(new URL(import.meta.url).searchParams.get('replace') ?? '[]')

// What is counted goes by positions in the text, which is another one here: it would spoil everybody's counts.
stopCoverage()

registerHooks({
  load(url, context, nextLoad) {
    const own = replacements.filter(({ file }) => url.endsWith(`/${file}`))
    if (own.length === 0) return nextLoad(url, context)
    const source = own.reduce(
      (text, { file, from, to }) => {
        // A mutation that changes nothing would prove nothing.
        if (!text.includes(from)) throw new Error(`${file} does not hold: ${from}`)
        return text.replace(from, () => to)
      },
      readFileSync(fileURLToPath(url), 'utf8'),
    )
    return { format: 'module-typescript', source, shortCircuit: true }
  },
})
