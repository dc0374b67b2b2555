/** Starts a PgBouncer for a test, in front of a database, with transaction pooling. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { freePort } from '../../src/process/free-port.ts'

/** PgBouncer refuses to run as root: this user runs it then. */
const ORDINARY_USER = { uid: 65_534, gid: 65_534 }

/** The folder of PgBouncer on Debian, which is not on the PATH of an ordinary user. */
const SYSTEM_PROGRAMS = '/usr/sbin'

const ENVIRONMENT = { PATH: `${process.env.PATH}${delimiter}${SYSTEM_PROGRAMS}` }

/** Returns whether PgBouncer is installed. The service does not need it. */
export function hasPgBouncer(): boolean {
  try {
    execFileSync('pgbouncer', ['--version'], { env: ENVIRONMENT })
    return true
  } catch {
    // Not on the PATH.
    return false
  }
}

/** Starts PgBouncer for the database of `url`, on a free port. The caller stops it. */
export async function startPgBouncer(url: string) {
  const { hostname, port, username, password, pathname } = new URL(url)
  const folder = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-pgbouncer-`))
  const file = join(folder, 'pgbouncer.ini')
  const ownPort = await freePort()
  const target = `host=${hostname} port=${port} user=${username} password=${decodeURIComponent(password)}`
  await writeFile(
    file,
    `[databases]
${pathname.slice(1)} = ${target}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${ownPort}
unix_socket_dir =
auth_type = any
pool_mode = transaction
ignore_startup_parameters = statement_timeout, lock_timeout, idle_in_transaction_session_timeout
`,
  )
  await chmod(folder, 0o755)
  const child = spawn('pgbouncer', [file], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: ENVIRONMENT,
    ...(process.getuid?.() === 0 && ORDINARY_USER),
  })
  const exited = once(child, 'exit')
  const log: string[] = []
  await new Promise<void>((resolve, reject) => {
    createInterface(child.stderr).on('line', line => {
      log.push(line)
      if (line.includes('process up')) resolve()
    })
    exited.then(() => reject(new Error(`PgBouncer ended: ${log.join('\n')}`)), reject)
  })
  const own = new URL(url)
  own.host = `127.0.0.1:${ownPort}`
  // PgBouncer refuses startup parameters that it does not know.
  own.search = ''
  return {
    url: own.href,
    async stop(): Promise<void> {
      child.kill('SIGKILL')
      await exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}
