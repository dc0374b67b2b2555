/** Writes `result.schema.json` anew from the TypeBox schema: `node bench/result/write-schema.ts`. */
import { writeFile } from 'node:fs/promises'
import { publishedSchema } from './published-schema.ts'

const file = new URL('../result.schema.json', import.meta.url)
await writeFile(file, `${JSON.stringify(publishedSchema(), null, 2)}\n`)
