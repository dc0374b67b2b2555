/** `npm run report:pack`: compiles the report, with what it imports of harness/ and src/, and packs it for npm. */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BIN = 'dist/report/package/bin.js'

/** What others may import. */
const CONFIG = 'report/config.ts'
const DECLARATIONS = [
  ...['--ignoreConfig', '--declaration', '--emitDeclarationOnly', '--strict', '--skipLibCheck'],
  ...['--module', 'nodenext', '--target', 'es2023', '--lib', 'es2024', '--types', 'node'],
  '--rewriteRelativeImportExtensions',
]

/** What the package has besides the compiled modules, from the root on. */
const COPIES = {
  'report/report.schema.json': 'dist/report/report.schema.json',
  'report/README.md': 'README.md',
  LICENSE: 'LICENSE',
}

/** The compiler rewrites imports only, and not the addresses of modules that are loaded later. */
const MODULE_URL = /new URL\('([^']+)\.ts', import\.meta\.url\)/g

const PACKAGE_NAME = /(?:from|import\()\s*['"]((?:@[^/'"]+\/)?[^./'"][^/'"]*)/g

const folder = mkdtempSync(join(tmpdir(), 'backend-report-'))
try {
  const modules = compile(join(folder, 'dist'))
  for (const [from, to] of Object.entries(COPIES)) cpSync(join(ROOT, from), join(folder, to))
  const bin = readFileSync(join(folder, BIN), 'utf8')
  writeFileSync(join(folder, BIN), `#!/usr/bin/env node\n${bin}`)
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifestOf(modules), undefined, 2)}\n`)
  execFileSync('npm', ['pack', folder, '--silent', ...process.argv.slice(2)], { stdio: 'inherit' })
} finally {
  rmSync(folder, { recursive: true })
}

/** Returns the texts of the compiled modules. */
function compile(to: string): string[] {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const project = join(ROOT, 'report/package/tsconfig.json')
  execFileSync(process.execPath, [tsc, '--project', project, '--outDir', to], { stdio: 'inherit' })
  // Only the config has types for others.
  const declarations = [...DECLARATIONS, '--rootDir', ROOT, '--outDir', join(to, 'types')]
  execFileSync(process.execPath, [tsc, join(ROOT, CONFIG), ...declarations], { cwd: ROOT, stdio: 'inherit' })
  const files = readdirSync(to, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.js'))
  return files.map(name => rewriteUrls(join(to, name)))
}

/** Rewrites the addresses of the modules that the package has. It has neither the service nor the bench. */
function rewriteUrls(file: string): string {
  const text = readFileSync(file, 'utf8').replaceAll(MODULE_URL, (all, path: string) =>
    existsSync(resolve(dirname(file), `${path}.js`)) ? `new URL('${path}.js', import.meta.url)` : all,
  )
  writeFileSync(file, text)
  return text
}

/** Its dependencies are the packages that its modules import, in the versions that are installed here. */
function manifestOf(modules: readonly string[]) {
  const { description } = readManifest('report')
  const names = modules.flatMap(text => [...text.matchAll(PACKAGE_NAME)].map(([, name = '']) => name))
  const packages = [...new Set(names)].filter(
    name => !name.startsWith('node:') && !builtinModules.includes(name),
  )
  return {
    name: 'backend-report',
    version: readManifest('.').version,
    description,
    license: 'MIT',
    type: 'module',
    bin: { 'backend-report': BIN },
    exports: { '.': { types: './dist/types/report/config.d.ts', default: './dist/report/config.js' } },
    engines: { node: '>=20.12' },
    dependencies: Object.fromEntries(
      packages.sort().map(name => [name, readManifest(`node_modules/${name}`).version]),
    ),
  }
}

function readManifest(of: string): { version: string; description: string } {
  return JSON.parse(readFileSync(join(ROOT, of, 'package.json'), 'utf8'))
}
