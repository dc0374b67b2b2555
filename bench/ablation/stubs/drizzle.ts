/** Drizzle whose prepared selects are built by Drizzle, and planned by PostgreSQL, anew for each execution. */
import { PgSelectBase } from 'drizzle-orm/pg-core'

export * from 'drizzle-orm/node-postgres'

const { prepare } = PgSelectBase.prototype

PgSelectBase.prototype.prepare = function prepareEachTime(name) {
  const once = prepare.call(this, name)
  // Without a name PostgreSQL keeps no plan.
  const execute: typeof once.execute = values => prepare.call(this, '').execute(values)
  return Object.assign(Object.create(once), { execute })
}
