/** Who may import whom, in the words of dependency-cruiser. Types count as imports. */
import type { IForbiddenRuleType } from 'dependency-cruiser'

/** What serves development: it is not in the image. */
const TOOLS = '^(test|harness|bench|report|checks|template|client)/'

/** The modules that cannot be removed: those whose `module.ts` says `isRequired`. */
export const REQUIRED_MODULES = ['accounts', 'audit', 'sessions', 'users']
const REQUIRED = `(${REQUIRED_MODULES.join('|')})/`

/** The tests of a tool may look into the service: they compare the tool with what is there. */
const TESTS = ['^(bench|report)/test/', '^(bench|report)/[^/]+/test/']

export const RULES: readonly (IForbiddenRuleType & { name: string; comment: string })[] = [
  {
    name: 'no-cycle',
    comment: 'Modules that import each other cannot be understood, tested or removed one by one.',
    from: {},
    to: { circular: true },
  },
  {
    name: 'lib-is-pure',
    comment: 'src/lib/ imports nothing of ours but src/lib/.',
    from: { path: '^src/lib/' },
    to: { path: `^src/(?!lib/)|${TOOLS}` },
  },
  {
    name: 'lib-touches-nothing',
    comment: 'src/lib/ uses neither Fastify nor SQL, files, the network or timers.',
    from: { path: '^src/lib/' },
    to: {
      path:
        '^(node:)?(fs|http|https|http2|dns|timers|child_process|cluster|worker_threads)(/|$)|' +
        '(^|/)node_modules/(fastify|@fastify|pg|drizzle-orm|ioredis|pino)(/|$)',
    },
  },
  {
    name: 'ground-knows-no-module',
    comment: 'What every module stands on imports none of them.',
    from: { path: '^src/(?!modules/|commands/)[^/]+/' },
    to: { path: '^src/modules/' },
  },
  {
    name: 'removable-modules',
    comment: 'Only modules/index.ts, and modules that can be removed, name a module that can be removed.',
    from: { path: `^src/(?!modules/)|^src/modules/${REQUIRED}` },
    to: { path: '^src/modules/[^/]+/', pathNot: `^src/modules/${REQUIRED}` },
  },
  {
    name: 'module-by-its-service',
    comment: "A module imports another module's service.ts, and its tables.ts for foreign keys and joins.",
    from: { path: '^src/modules/([^/]+)/' },
    to: {
      path: '^src/modules/[^/]+/',
      pathNot: ['^src/modules/$1/', '^src/modules/[^/]+/(service|tables)\\.ts$'],
    },
  },
  {
    name: 'module-layers',
    comment: 'Inside a module the layers point one way: routes, service, repository.',
    from: { path: '^src/modules/([^/]+)/(service|repository)\\.ts$' },
    to: { path: '^src/modules/$1/routes\\.ts$' },
  },
  {
    name: 'repository-is-below',
    comment: 'Inside a module the repository is the lowest layer: it imports no service.',
    from: { path: '^src/modules/([^/]+)/repository\\.ts$' },
    to: { path: '^src/modules/$1/service\\.ts$' },
  },
  {
    name: 'service-alone',
    comment: 'src/ imports nothing that serves development.',
    from: { path: '^src/' },
    to: { path: TOOLS },
  },
  {
    name: 'tools-use-the-app',
    comment:
      'bench/ and report/ use the service as its users do: of src/ they import app.ts and config/, of test/ nothing.',
    from: { path: '^(bench|report)/', pathNot: TESTS },
    to: { path: '^src/(?!app\\.ts$|config/)|^test/' },
  },
  {
    name: 'harness-starts-services',
    comment: 'harness/ imports of src/ what starts a service: app.ts, config/, process/ and db/embedded.ts.',
    from: { path: '^harness/', pathNot: '^harness/test/' },
    to: { path: '^src/(?!app\\.ts$|config/|process/|db/embedded\\.ts$)' },
  },
  {
    name: 'parts-go-alone',
    comment:
      'bench/, report/ and template/ can be removed: nothing outside of each imports it. report.config.ts goes with report/.',
    from: { path: '^([^/]+)', pathNot: '^report\\.config\\.ts$' },
    to: { path: '^(bench|report|template)/', pathNot: '^$1/' },
  },
  {
    name: 'experiments-go-alone',
    comment: 'An experiment of the bench can be removed: only its entry in bench/commands.ts imports it.',
    from: { path: '^bench/([^/]+)', pathNot: '^bench/commands\\.ts$' },
    to: { path: '^bench/(ablation|data-layers|frameworks)/', pathNot: '^bench/$1/' },
  },
]
