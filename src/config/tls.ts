/** The TLS settings of a PostgreSQL connection string: modes, files, and a warning where there is no TLS. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** Modes that node-postgres treats as verify-full, with a warning of nine lines: in libpq they verify less. */
const AS_VERIFY_FULL = new Set(['prefer', 'require', 'verify-ca'])

/** Parameters that decide whether there is TLS; sslnegotiation=direct does so too. */
const DECIDE_TLS = ['sslmode', 'ssl', 'sslrootcert', 'sslcert', 'sslkey']

const LOOPBACK = /^(?:|localhost|127\.[0-9.]+|\[::1\]|%2[Ff].*)$/

/** Returns the connection string with verify-full where node-postgres would use it for another mode. */
export function withPlainMode(url: string): string {
  const [address, query] = parametersOf(url)
  const isChecked = AS_VERIFY_FULL.has(query.get('sslmode') ?? '') && query.get('uselibpqcompat') !== 'true'
  if (!isChecked) return url
  query.set('sslmode', 'verify-full')
  return `${address}?${query}`
}

/** Returns whether the string itself decides about TLS: PGSSLMODE has no effect then. */
export function saysTls(url: string): boolean {
  const [, query] = parametersOf(url)
  return DECIDE_TLS.some(name => query.has(name)) || query.get('sslnegotiation') === 'direct'
}

/** Returns what is wrong with the files that the string names, without their paths; undefined where nothing is. */
export function tlsProblem(url: string): string | undefined {
  const [, query] = parametersOf(url)
  const files = new Map<string, string>()
  for (const name of ['sslrootcert', 'sslcert', 'sslkey']) {
    const path = query.get(name)
    if (path === null) continue
    try {
      files.set(name, readFileSync(path, 'utf8'))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      return `names a file by ${name} that cannot be read (${code}); without sslrootcert, the CAs of Node.js are trusted`
    }
  }
  return contentProblem(files) ?? modeProblem(query)
}

function contentProblem(files: Map<string, string>): string | undefined {
  const [root, certificate, key] = [files.get('sslrootcert'), files.get('sslcert'), files.get('sslkey')]
  if (root !== undefined && !attempt(() => new X509Certificate(root)))
    return 'names a file by sslrootcert that holds no PEM certificate'
  const own = certificate && attempt(() => new X509Certificate(certificate))
  if (certificate !== undefined && !own) return 'names a file by sslcert that holds no PEM certificate'
  const ownKey = key && attempt(() => createPrivateKey(key))
  if (key !== undefined && !ownKey)
    return 'names a file by sslkey that holds no PEM private key without a passphrase'
  if ((own === undefined) !== (ownKey === undefined)) return 'must name both sslcert and sslkey, or neither'
  if (own && ownKey && !own.checkPrivateKey(ownKey))
    return 'names a file by sslkey that is not the key of sslcert'
}

function modeProblem(query: URLSearchParams): string | undefined {
  const isCompatible = query.get('uselibpqcompat') === 'true'
  if (isCompatible && query.get('sslmode') === 'verify-ca' && !query.has('sslrootcert'))
    return 'must name a file by sslrootcert where it has sslmode=verify-ca'
}

/** Returns a warning where the connection leaves this host without TLS and no setting asks for that; else undefined. */
export function tlsWarning(name: string, url: string, environment: Record<string, string | undefined>) {
  const [address, query] = parametersOf(url)
  const isSaid = saysTls(url) || environment.PGSSLMODE !== undefined
  if (isSaid || isLocal(address, query.get('host') ?? environment.PGHOST)) return undefined
  return `${name} leads to another host without TLS: add sslmode=verify-full, and sslrootcert=/path where the CA is your own, or sslmode=disable where the network is trusted`
}

function isLocal(address: string, elsewhere = ''): boolean {
  const [, host = ''] = /\/\/(?:[^@]*@)?(\[[^\]]*\]|[^:/]*)/.exec(address) ?? []
  const actual = host === '' ? elsewhere : host
  return actual.startsWith('/') || LOOPBACK.test(actual)
}

function parametersOf(url: string): [address: string, query: URLSearchParams] {
  const [address = '', search] = url.split('?')
  return [address, new URLSearchParams(search)]
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    // The caller reports the reason.
    return undefined
  }
}
