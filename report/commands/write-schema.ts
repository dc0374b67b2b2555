/** `node report/commands/write-schema.ts`: writes the published JSON Schema. */
import { writeFile } from 'node:fs/promises'
import { renderSchema, SCHEMA_FILE } from '../document/schema-file.ts'

await writeFile(SCHEMA_FILE, renderSchema())
