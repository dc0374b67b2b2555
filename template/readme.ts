/** The README of a new service. */
import type { Identity } from './rename.ts'

type Facts = Identity & {
  /** The modules, in their order. */
  modules: readonly string[]
  /** Whether a file is there. */
  has: (path: string) => boolean
}

/** Returns the README: how to run it, what is in it, and where the rest is. */
export function renderReadme({ title, modules, has }: Facts): string {
  const lines = [
    `# ${title}`,
    '',
    'A service on Fastify 5, Drizzle and PostgreSQL.',
    '',
    '## Run it',
    '',
    '```sh',
    'npm ci && npm start',
    'npm ci && npm test',
    '```',
    '',
    'Nothing else is needed: a real PostgreSQL and the right Node.js come with `npm ci`. The service is on',
    'http://localhost:3000, its documentation at `/docs`, its data in `.data/`.',
    '',
    '## Modules',
    '',
    ...modules.map(name => `- [${name}](src/modules/${name})`),
    '',
    ...(has('template') ? ['`npm run template -- new <name>` adds one.', ''] : []),
    '## Documents',
    '',
    ...DOCUMENTS.filter(([path]) => has(path)).map(([path, about]) => `- [${path}](${path}): ${about}`),
  ]
  return `${lines.join('\n')}\n`
}

const DOCUMENTS: readonly (readonly [path: string, about: string])[] = [
  ['CONTRIBUTING.md', 'the commands, the layout, and recipes for changes'],
  ['GUARANTEES.md', 'what holds under failures, load and bad input, each with its tests'],
  ['SECURITY.md', 'threat model, and inventories of data, log fields and cryptography'],
  ['docs/api.md', 'how clients use the service'],
  ['docs/deployment.md', 'settings and steps for production'],
  ['docs/migrations.md', 'how the schema changes while the service runs'],
  ['docs/telemetry.md', 'logs, metrics and traces'],
  ['docs/decisions.md', 'why it is built this way'],
  ['bench/README.md', 'how fast it is, and whether a change made it slower'],
]
