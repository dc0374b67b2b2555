/** Packages that the bench installs on first use: once, whole or not at all, and with one line where it cannot. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { installPackages } from '../service/packages.ts'

const manifest = { name: 'example', version: '1.0.0' }
const lockfile = { ...manifest, lockfileVersion: 3, packages: { '': manifest } }

// Nothing listens there; npm would wait 10 s before it tries again.
const npmrc = 'registry=http://127.0.0.1:1\nfetch-retry-mintimeout=1\nfetch-retry-maxtimeout=1\n'

async function createPackage(dependencies: Record<string, string> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-packages-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const own = { ...manifest, dependencies }
  const integrity = `sha512-${Buffer.alloc(64).toString('base64')}`
  const locked = Object.entries(dependencies).map(([name, version]) => [
    `node_modules/${name}`,
    { version, integrity },
  ])
  await writeFile(join(folder, 'package.json'), JSON.stringify(own))
  await writeFile(
    join(folder, 'package-lock.json'),
    JSON.stringify({ ...lockfile, packages: { '': own, ...Object.fromEntries(locked) } }),
  )
  await writeFile(join(folder, '.npmrc'), npmrc)
  return folder
}

/** Returns how often it said that it installs. */
async function install(folder: string): Promise<number> {
  let count = 0
  await installPackages(folder, () => count++, new AbortController().signal)
  return count
}

it('are installed once, and again when the lockfile has changed', async () => {
  const folder = await createPackage()
  expect([await install(folder), await install(folder)]).toEqual([1, 0])
  await writeFile(join(folder, 'package-lock.json'), JSON.stringify({ ...lockfile, requires: true }))
  expect([await install(folder), await install(folder)]).toEqual([1, 0])
  expect((await readdir(folder)).filter(name => name.startsWith('.installing'))).toEqual([])
})

it('are there before what is built from them, which is built again when its source has changed', async () => {
  const folder = await createPackage()
  await writeFile(join(folder, 'source.txt'), 'one')
  const script = `
    import { cpSync, mkdirSync } from 'node:fs'
    mkdirSync('node_modules', { recursive: true })
    cpSync('source.txt', 'node_modules/built.txt')
  `
  await writeFile(join(folder, 'build.mjs'), script)
  const build = { script: 'build.mjs', files: ['source.txt'] }
  const built = async (): Promise<string> => {
    await installPackages(folder, () => {}, new AbortController().signal, build)
    return readFile(join(folder, 'node_modules/built.txt'), 'utf8')
  }
  expect(await built()).toBe('one')
  await writeFile(join(folder, 'source.txt'), 'two')
  expect(await built()).toBe('two')
  await writeFile(join(folder, 'build.mjs'), 'throw new Error("nothing to build")')
  await expect(built()).rejects.toThrow(/^build.mjs failed in \S+: Error: nothing to build$/)
})

it('are whole where several ask for them at once', async () => {
  const folder = await createPackage()
  await Promise.all([install(folder), install(folder), install(folder)])
  expect(await install(folder)).toBe(0)
  expect((await readdir(folder)).filter(name => name.startsWith('.installing'))).toEqual([])
})

it('bring one line where they cannot be had, and leave nothing half done', async () => {
  const folder = await createPackage({ example: '1.0.0' })
  await expect(install(folder)).rejects.toThrow(/^npm ci failed: [^\n]*127\.0\.0\.1:1[^\n]*$/)
  vi.stubEnv('npm_execpath', '').stubEnv('PATH', folder)
  onTestFinished(() => void vi.unstubAllEnvs())
  await expect(install(folder)).rejects.toThrow('npm ci failed: there is no npm here')
  expect((await readdir(folder)).toSorted()).toEqual(['.npmrc', 'package-lock.json', 'package.json'])
})
