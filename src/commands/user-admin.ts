/** `npm run user:admin -- <email> [--enable]`: makes the account of an address an admin, and ends its sessions. */
import { assignRole } from '../modules/users/service.ts'
import { PlainError } from '../plain-error.ts'
import { readArguments, runCommand, withDatabase } from './database.ts'

const USAGE = 'Usage: npm run user:admin -- <email> [--enable]'

await runCommand(async () => {
  const { positionals, values } = readArguments({
    allowPositionals: true,
    options: { enable: { type: 'boolean' } },
  })
  const [email, ...others] = positionals
  if (email === undefined || others.length > 0) throw new PlainError(USAGE)
  await withDatabase(async database => {
    const outcome = await assignRole(database, email, 'admin', { enable: values.enable === true })
    if (outcome === 'unknown')
      throw new PlainError(`No account has the address ${email}. Register the account first.`)
    if (outcome === 'unchanged') throw new PlainError(`${email} is an admin already, and enabled.`)
    if (outcome === 'disabled')
      throw new PlainError(`${email} is disabled. Add --enable to enable the account.`)
    console.log(`${email} is an admin from the next login on.`)
  })
})
