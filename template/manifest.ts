/** package.json and its lockfile. */
import type { Staging } from './staging.ts'

type Lockfile = { packages: Record<string, { libc?: string[] }> }

const LOCKFILE = 'package-lock.json'

/** Takes packages that nothing needs any more out of the lockfile, without network. */
export async function pruneLockfile(staging: Staging): Promise<void> {
  const before = JSON.parse(staging.read(LOCKFILE)) as Lockfile
  const offline = ['--package-lock-only', '--offline', '--ignore-scripts', '--no-audit', '--no-fund']
  await staging.run('npm', ['install', ...offline])
  // npm 10 drops it. It keeps the packages of glibc from other systems.
  staging.edit(LOCKFILE, text => {
    const lockfile = JSON.parse(text) as Lockfile
    for (const [path, entry] of Object.entries(lockfile.packages)) {
      const { libc } = before.packages[path] ?? {}
      if (libc && !entry.libc) entry.libc = libc
    }
    return `${JSON.stringify(lockfile, null, 2)}\n`
  })
}
