/** The direction of imports: each rule finds what breaks it, and this repository breaks none. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { modules } from '../../src/modules/index.ts'
import { ROOT } from '../../test/helpers/service.ts'
import { findForbiddenImports } from '../imports/cruise.ts'
import { REQUIRED_MODULES, RULES } from '../imports/rules.ts'

/** By rule: files that break it, each with what it imports. */
const PLANTED: Record<string, [file: string, imported: string][]> = {
  'no-cycle': [
    ['src/http/a.ts', 'src/http/b.ts'],
    ['src/http/b.ts', 'src/http/a.ts'],
  ],
  'lib-is-pure': [
    ['src/lib/text.ts', 'src/db/client.ts'],
    ['src/lib/text.ts', 'src/app.ts'],
  ],
  'ground-knows-no-module': [
    ['src/db/client.ts', 'src/modules/users/service.ts'],
    ['src/http/errors.ts', 'src/modules/users/tables.ts'],
    ['src/observability/log.ts', 'src/modules/index.ts'],
    ['src/process/dev.ts', 'src/modules/users/service.ts'],
    ['src/config/schema.ts', 'src/modules/users/settings.ts'],
    ['src/mail/send.ts', 'src/modules/users/service.ts'],
  ],
  'lib-touches-nothing': [
    ['src/lib/text.ts', 'node_modules/fastify/a.ts'],
    ['src/lib/text.ts', 'node_modules/pg/a.ts'],
  ],
  'removable-modules': [
    ['src/app.ts', 'src/modules/notes/service.ts'],
    ['src/commands/db-seed.ts', 'src/modules/notes/tables.ts'],
    ['src/modules/users/service.ts', 'src/modules/notes/service.ts'],
  ],
  'repository-is-below': [
    ['src/modules/notes/repository.ts', 'src/modules/notes/service.ts'],
    ['src/modules/users/repository.ts', 'src/modules/users/service.ts'],
  ],
  'module-by-its-service': [
    ['src/modules/notes/service.ts', 'src/modules/users/repository.ts'],
    ['src/modules/notes/routes.ts', 'src/modules/users/schemas.ts'],
  ],
  'module-layers': [
    ['src/modules/notes/repository.ts', 'src/modules/notes/routes.ts'],
    ['src/modules/notes/service.ts', 'src/modules/notes/routes.ts'],
  ],
  'service-alone': [
    ['src/server.ts', 'harness/process.ts'],
    ['src/lib/text.ts', 'test/helpers/text.ts'],
    ['src/modules/users/service.ts', 'checks/main.ts'],
  ],
  'tools-use-the-app': [
    ['bench/load/open.ts', 'src/db/client.ts'],
    ['report/main.ts', 'src/modules/users/service.ts'],
    ['bench/cli.ts', 'test/helpers/app.ts'],
  ],
  'harness-starts-services': [['harness/process.ts', 'src/db/client.ts']],
  'parts-go-alone': [
    ['report/main.ts', 'bench/cli.ts'],
    ['bench/cli.ts', 'template/main.ts'],
    ['harness/process.ts', 'report/main.ts'],
    ['test/bench.test.ts', 'bench/cli.ts'],
    ['scripts/run.ts', 'bench/cli.ts'],
    ['run.ts', 'bench/cli.ts'],
  ],
  'experiments-go-alone': [
    ['bench/output/group.ts', 'bench/frameworks/servers.ts'],
    ['bench/ablation/command.ts', 'bench/data-layers/servers.ts'],
    ['bench/test/group.test.ts', 'bench/ablation/output.ts'],
  ],
}

/** What no rule is against. */
const ALLOWED: [file: string, imported: string][] = [
  ['src/app.ts', 'src/modules/users/service.ts'],
  ['src/modules/index.ts', 'src/modules/notes/module.ts'],
  ['src/modules/tags/service.ts', 'src/modules/notes/service.ts'],
  ['src/lib/text.ts', 'src/lib/cursor.ts'],
  ['src/modules/notes/tables.ts', 'src/modules/users/tables.ts'],
  ['src/modules/notes/service.ts', 'src/modules/users/service.ts'],
  ['src/modules/users/routes.ts', 'src/modules/users/repository.ts'],
  ['bench/cli.ts', 'src/app.ts'],
  ['bench/cli.ts', 'src/config/service-name.ts'],
  ['bench/test/cli.test.ts', 'src/db/client.ts'],
  ['bench/ablation/test/hooks.test.ts', 'src/db/client.ts'],
  ['bench/cli.ts', 'harness/process.ts'],
  ['bench/commands.ts', 'bench/frameworks/command.ts'],
  ['bench/frameworks/test/servers.test.ts', 'bench/frameworks/servers.ts'],
  ['harness/database.ts', 'src/db/embedded.ts'],
]

/** Returns a folder with these files, where each import is of a type alone in its second half. */
async function createCheckout(imports: readonly [string, string][]): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-imports-`))
  onTestFinished(() => rm(root, { recursive: true }))
  const texts = new Map(imports.flat().map((file): [string, string] => [file, 'export type A = 1\n']))
  for (const [index, [file, imported]] of imports.entries()) {
    const path = `${'../'.repeat(file.split('/').length - 1)}${imported}`
    const line = `import ${index % 2 === 0 ? '' : 'type '}{ A } from '${path.startsWith('.') ? path : `./${path}`}'\n`
    texts.set(file, line + texts.get(file))
  }
  for (const [file, text] of texts) {
    await mkdir(dirname(join(root, file)), { recursive: true })
    await writeFile(join(root, file), text)
  }
  return root
}

describe('the rules of imports', () => {
  it('each have an import that breaks them, in this file', () => {
    expect(Object.keys(PLANTED).toSorted()).toEqual(RULES.map(({ name }) => name).toSorted())
  })

  it.each(Object.entries(PLANTED))('find what breaks %s', async (name, planted) => {
    const comment = RULES.find(rule => rule.name === name)?.comment ?? ''
    for (const imports of name === 'no-cycle' ? [planted] : planted.map(one => [one])) {
      const { problems } = await findForbiddenImports(await createCheckout(imports))
      expect(problems.filter(problem => problem.endsWith(comment)).length, String(imports)).toBeGreaterThan(0)
    }
  })

  it('find an import of a type alone', async () => {
    const root = await createCheckout([
      ['src/app.ts', 'src/lib/text.ts'],
      ['src/lib/text.ts', 'src/db/client.ts'],
    ])
    expect((await findForbiddenImports(root)).problems).toEqual([
      expect.stringMatching(/^src\/lib\/text\.ts → src\/db\/client\.ts: /),
    ])
  })

  it('find a type that is written as an import in an expression', async () => {
    const root = await createCheckout([['src/lib/text.ts', 'src/lib/cursor.ts']])
    await writeFile(join(root, 'src/lib/kind.ts'), "export type Kind = import('../db/pool.ts').Pool\n")
    expect((await findForbiddenImports(root)).problems).toEqual([
      "src/lib/kind.ts: import('../db/pool.ts') in a type is not checked. Use `import type`.",
    ])
  })

  it('know the modules that cannot be removed', () => {
    const required = modules.filter(({ isRequired }) => isRequired).map(({ name }) => name)
    expect(required.toSorted()).toEqual(REQUIRED_MODULES)
  })

  it('let everything else pass', async () => {
    expect(await findForbiddenImports(await createCheckout(ALLOWED))).toMatchObject({ problems: [] })
  })

  it('are kept by this repository, all files of it', async () => {
    const { files, problems } = await findForbiddenImports(ROOT)
    expect(problems).toEqual([])
    expect(files).toBeGreaterThan(100)
  })
})
