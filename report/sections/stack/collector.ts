/** Stack Detected: the versions that the running process reports, and the packages that it has loaded. */
import type { Collector, Context } from '../../context.ts'
import type { Row } from '../../document/document.ts'
import { fact } from '../../document/evidence.ts'
import type { Repository } from '../../git.ts'
import type { LoadedPackage } from '../../observe/observation.ts'
import { KNOWN_PACKAGES } from './known-packages.ts'

export const stack: Collector = { section: 'stack', collect: collectStack }

async function collectStack({ subject, repository, service }: Context): Promise<Row[]> {
  const { node, fastify, packages } = await subject.observe()
  const version = node.version.slice(1) + (node.lts === undefined ? '' : ' LTS')
  const rows: Row[] = [
    rowOf('Runtime', 'Node.js', version, ['process.version of the running service', node.version]),
    rowOf('Framework', 'Fastify', fastify, ["the running app's version", fastify]),
  ]
  if (service) {
    const { rows: found } = await service.internals.query('show server_version')
    const server = String(found[0].server_version)
    rows.push(
      rowOf('Database', 'PostgreSQL', server.split(' ', 1)[0] ?? server, ['SHOW server_version', server]),
    )
  }
  rows.push(...knownPackages(packages))
  if (repository) rows.push(sourceRow(repository))
  return rows
}

function rowOf(component: string, technology: string, version: string, [what, value]: [string, string]): Row {
  return {
    id: `${component}: ${technology}`,
    cells: [component, technology, version],
    state: 'pass',
    evidence: [fact(what, value)],
  }
}

function knownPackages(packages: readonly LoadedPackage[]): Row[] {
  return Object.entries(KNOWN_PACKAGES).flatMap(([name, [component, technology]]) => {
    const copies = packages.filter(loaded => loaded.name === name)
    // The app's own copy has the shortest path. Copies of other packages are nested.
    const [main] = copies.toSorted((a, b) => a.file.length - b.file.length)
    return main
      ? [rowOf(component, technology, main.version, [`version in ${main.file}, loaded`, main.version])]
      : []
  })
}

/** The version of the source that all rows are about, or the range of versions. */
function sourceRow({ version: { commit, dirty }, base }: Repository): Row {
  const head = `${commit?.slice(0, 10) ?? 'no commit'}${dirty ? ' (dirty)' : ''}`
  const range = base ? `${base.commit?.slice(0, 10)} (${base.ref}) to ${head}` : head
  return { ...rowOf('Source', 'Git', range, ['git rev-parse HEAD, git status', range]), volatile: true }
}
