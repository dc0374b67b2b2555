/** `npm run user:admin -- <email>`: makes the account of an address an admin, and ends its sessions. */
import { assignRole } from '../modules/users/service.ts'
import { PlainError } from '../plain-error.ts'
import { readArguments, runCommand, withDatabase } from './database.ts'

await runCommand(async () => {
  const [email, ...others] = readArguments({ allowPositionals: true }).positionals
  if (email === undefined || others.length > 0) throw new PlainError('Usage: npm run user:admin -- <email>')
  await withDatabase(async database => {
    const isChanged = await assignRole(database, email, 'admin')
    if (!isChanged) throw new PlainError(`Nobody is registered as ${email}, or they are an admin already.`)
    console.log(`${email} is an admin from the next login on.`)
  })
})
