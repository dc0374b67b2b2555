/** `npm run user:admin -- <email>`: makes the account of an address an admin, and ends its sessions. */
import { assignRole } from '../modules/users/service.ts'
import { CommandError, withDatabase } from './database.ts'

await withDatabase(async database => {
  const [email] = process.argv.slice(2)
  if (email === undefined) throw new CommandError('Usage: npm run user:admin -- <email>')
  const isChanged = await assignRole(database, email, 'admin')
  if (!isChanged) throw new CommandError(`Nobody is registered as ${email}, or they are an admin already.`)
  console.log(`${email} is an admin from the next login on.`)
})
