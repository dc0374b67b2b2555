/** Security checks of stored secrets: none in the repository, and none in the container image. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { NotVerified } from '../../errors.ts'
import type { HttpCheck } from '../check.ts'

/** Private keys, and the formats that known services give their secrets. */
const SECRET_FORMATS = [
  'BEGIN [A-Z ]*PRIVATE KEY-----.{0,2}[A-Za-z0-9+/=]{20,}',
  '^[A-Za-z0-9+/]{64}$',
  'AKIA[0-9A-Z]{16}',
  'gh[pousr]_[A-Za-z0-9]{36}',
  'github_pat_[A-Za-z0-9_]{60,}',
  'AIza[A-Za-z0-9_-]{35}',
  'npm_[A-Za-z0-9]{36}',
  'glpat-[A-Za-z0-9_-]{20}',
  'hooks\\.slack\\.com/services/T[A-Z0-9]{8,}/B[A-Z0-9]{8,}/[A-Za-z0-9]{20,}',
  '^[A-Za-z0-9+/]{70}$',
  'xox[abprs]-[A-Za-z0-9-]{10,}',
  '[rs]k_live_[A-Za-z0-9]{20,}',
  'eyJ[A-Za-z0-9_-]{10,}\\.eyJ[A-Za-z0-9_-]{10,}\\.[A-Za-z0-9_-]{20,}',
]

export const repositorySecrets: HttpCheck = {
  id: 'repository-secrets',
  rank: 450,
  claim: 'No secrets in the repository',
  source: 'ASVS 5.0 §13.3.1',
  needs: 'http',
  async run({ expect, subject: { root } }) {
    const git = (...args: string[]) => promisify(execFile)('git', args, { cwd: root, maxBuffer: 64 << 20 })
    const tracked = await git('ls-files').catch(() => {
      throw new NotVerified('the app is not in a git repository')
    })
    const files = tracked.stdout.split('\n').filter(Boolean)
    const found = await git('grep', '-lIE', ...SECRET_FORMATS.flatMap(format => ['-e', format])).then(
      ({ stdout }) => stdout.split('\n').filter(Boolean),
      (error: { code: number }) => {
        // Exit code 1: no match.
        if (error.code === 1) return []
        throw error
      },
    )
    expect.fact('files with the format of a secret', found.join(', ') || 'none', 'none', found.length === 0)
    const named = files.filter(file => /(^|\/)\.env(\.(?!example$)\w+)?$|\.pem$|\.p12$/.test(file))
    expect.fact('tracked .env and key files', named.join(', ') || 'none', 'none', named.length === 0)
  },
}

export const imageSecrets: HttpCheck = {
  id: 'image-secrets',
  rank: 460,
  claim: 'No secrets from the image: none set, none copied',
  source: 'ASVS 5.0 §13.3.1, CIS Docker §4.10',
  needs: 'http',
  async run({ expect, subject: { root } }) {
    const dockerfile = join(root, 'Dockerfile')
    if (!existsSync(dockerfile)) throw new NotVerified('there is no Dockerfile')
    const lines = readFileSync(dockerfile, 'utf8').split('\n')
    const set = lines.filter(line =>
      /^\s*(ENV|ARG)\s.*(SECRET|TOKEN|PASSWORD|PRIVATE_KEY|DATABASE_URL)/i.test(line),
    )
    expect.fact('ENV and ARG of secrets', String(set.length), '0', set.length === 0)
    const copies = lines.filter(line => /^\s*(COPY|ADD)\s/.test(line) && !line.includes('--from='))
    const named = copies.filter(line => /[\s/](\.env(?!\.example)\S*|\S*\.(pem|key))\s/.test(line))
    expect.fact('copies of secrets by name', String(named.length), '0', named.length === 0)
    const copiesAll = copies.some(line => /\s(\.|\.\/|\*)\s/.test(line))
    const isEnvCopied = copiesAll && !ignoresEnv(join(root, '.dockerignore'))
    expect.fact('copies .env', isEnvCopied ? 'yes' : 'no', 'no', !isEnvCopied)
  },
}

function ignoresEnv(ignoreFile: string): boolean {
  if (!existsSync(ignoreFile)) return false
  const lines = readFileSync(ignoreFile, 'utf8').split('\n')
  const isIncluded = lines.some(line => /^!.*(\*|\.env(?!\.example)|\.(pem|key)\b)/.test(line.trim()))
  return !isIncluded && lines.some(line => /^(\*\*\/)?\.env\*?$|^\*$/.test(line.trim()))
}
