/** A process of its own that owns an embedded server: `node embedded-owner.ts <module> <directory> [uid gid]`. */
import { pathToFileURL } from 'node:url'
import type { startEmbeddedPostgres } from '../../src/db/embedded.ts'

const [module = '', directory = '', uid, gid] = process.argv.slice(2)
if (uid && gid) {
  process.setgroups?.([])
  process.setgid?.(Number(gid))
  process.setuid?.(Number(uid))
}
const embedded: { startEmbeddedPostgres: typeof startEmbeddedPostgres } = await import(
  pathToFileURL(module).href
)
const { url, pid } = await embedded.startEmbeddedPostgres({
  directory,
  settings: { fsync: 'off' },
  onLog: line => process.stderr.write(`${line}\n`),
})
process.stdout.write(`${JSON.stringify({ url, pid })}\n`)
setInterval(() => {}, 1 << 30)
