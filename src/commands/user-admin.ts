/** `npm run user:admin -- <email> [--enable]`: makes the account of an address an admin, and ends its sessions. */

import { UserFacingError } from '../lib/user-facing-error.ts'
import { assignRole } from '../modules/users/service.ts'
import { readArguments, runCommand, withDatabase } from './database.ts'

const USAGE = 'Usage: npm run user:admin -- <email> [--enable]'

await runCommand(async () => {
  const { positionals, values } = readArguments({
    allowPositionals: true,
    options: { enable: { type: 'boolean' } },
  })
  const [email, ...others] = positionals
  if (email === undefined || others.length > 0) throw new UserFacingError(USAGE)
  await withDatabase(async database => {
    const outcome = await assignRole(database, email, 'admin', { enable: values.enable === true })
    if (outcome === 'unknown')
      throw new UserFacingError(`No account has the address ${email}. Register the account first.`)
    if (outcome === 'unchanged') throw new UserFacingError(`${email} is an admin already, and enabled.`)
    if (outcome === 'disabled')
      throw new UserFacingError(`${email} is disabled. Add --enable to enable the account.`)
    console.log(`${email} is an admin from the next login on.`)
  })
})
