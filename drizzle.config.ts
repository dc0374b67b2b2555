/** Where drizzle-kit finds the schema and writes migrations. It never connects. */
import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: './src/modules/*/tables.ts',
  out: './drizzle',
  migrations: { prefix: 'timestamp' },
})
