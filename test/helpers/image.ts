/** Runs the Dockerfile in folders of this host: everything that a build does, except the base image. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { SERVICE_ID } from '../../src/config/service-name.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Node.js is the pinned one, as in the base image; npm is the one of the host. */
const BASE_PATH = `${dirname(process.execPath)}:${process.env.PATH}`

/** npm ci takes 10 s, and on a busy host or line several times that. */
const RUN_TIMEOUT_MS = 100_000

export type Image = {
  /** The folder of the build. */
  folder: string
  /** The root folder of the last stage. */
  root: string
  workdir: string
  bases: string[]
  user: string
  environment: Record<string, string>
  command: string[]
  healthcheck: string[]
}

type Stage = Omit<Image, 'folder' | 'bases'> & { name: string }

/** Builds the image from the files that .dockerignore does not exclude. The caller removes its folder. */
export async function buildImage(): Promise<Image> {
  const folder = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-image-`))
  try {
    return await buildIn(folder)
  } catch (error) {
    await rm(folder, { recursive: true })
    throw error
  }
}

async function buildIn(folder: string): Promise<Image> {
  const context = await copyContext(join(folder, 'context'))
  const stages: Stage[] = []
  const bases: string[] = []
  for (const [instruction, rest] of await instructions()) {
    if (instruction === 'FROM') {
      const [base = '', , name = String(stages.length)] = rest.split(/\s+/)
      bases.push(base)
      stages.push(await emptyStage(folder, name))
    } else {
      const stage = stages.at(-1)
      if (!stage) throw new Error(`${instruction} before FROM`)
      await obey(instruction, rest, { stage, stages, context })
    }
  }
  const last = stages.at(-1)
  if (!last) throw new Error('The Dockerfile has no FROM')
  return { folder, bases, ...last }
}

/** Returns the environment of a command: that of the image, with the path of Node.js. */
export function environmentOf(
  { environment }: Pick<Image, 'environment'>,
  more: Record<string, string> = {},
) {
  return { PATH: BASE_PATH, HOME: process.env.HOME, ...environment, ...more }
}

/** The variables that a build needs, such as proxies and certificates, without those of npm and vitest. */
function hostEnvironment() {
  const names = Object.keys(process.env).filter(
    name => !/^(npm_|vitest|test$|dev$|node_env$|node_v8|node_compile)/i.test(name),
  )
  // The hashes of the lockfile are still checked, and most runs need no network.
  const fromCache = { npm_config_prefer_offline: 'true' }
  return { ...Object.fromEntries(names.map(name => [name, process.env[name]])), ...fromCache }
}

async function instructions(): Promise<[instruction: string, rest: string][]> {
  const text = await readFile(join(ROOT, 'Dockerfile'), 'utf8')
  const lines = text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter(Boolean)
  return lines.map(line => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1).trim()])
}

/** Copies the build context. Our .dockerignore excludes everything except a list, which is simple to follow. */
async function copyContext(context: string): Promise<string> {
  const lines = (await readFile(join(ROOT, '.dockerignore'), 'utf8'))
    .split('\n')
    .filter(line => /^[^#]/.test(line))
  const [first, ...exceptions] = lines
  if (first !== '*' || !exceptions.every(line => /^![\w.-]+$/.test(line))) {
    throw new Error('.dockerignore is no list of exceptions')
  }
  for (const name of exceptions.map(line => line.slice(1))) {
    await cp(join(ROOT, name), join(context, name), { recursive: true })
  }
  return context
}

async function emptyStage(folder: string, name: string): Promise<Stage> {
  const root = join(folder, `stage-${name}`)
  await mkdir(root)
  return { name, root, workdir: root, user: 'root', environment: {}, command: [], healthcheck: [] }
}

type Build = { stage: Stage; stages: Stage[]; context: string }

async function obey(instruction: string, rest: string, { stage, stages, context }: Build): Promise<void> {
  if (instruction === 'WORKDIR') {
    stage.workdir = join(stage.root, rest)
    await mkdir(stage.workdir, { recursive: true })
  } else if (instruction === 'COPY') {
    await copy(rest, { stage, stages, context })
  } else if (instruction === 'RUN') {
    const env = { ...hostEnvironment(), ...environmentOf(stage) }
    await promisify(execFile)('sh', ['-c', rest], { cwd: stage.workdir, env, timeout: RUN_TIMEOUT_MS })
  } else if (instruction === 'ENV') {
    Object.assign(stage.environment, Object.fromEntries(rest.split(/\s+/).map(pair => pair.split('='))))
  } else if (instruction === 'USER') {
    stage.user = rest
  } else if (instruction === 'HEALTHCHECK') {
    stage.healthcheck = JSON.parse(rest.slice(rest.indexOf('CMD ') + 4))
  } else if (instruction === 'CMD') {
    stage.command = JSON.parse(rest)
  } else if (!['EXPOSE', 'STOPSIGNAL'].includes(instruction)) {
    throw new Error(`No idea how to ${instruction}`)
  }
}

async function copy(rest: string, { stage, stages, context }: Build): Promise<void> {
  const [, from, names = ''] = /^(?:--from=(\S+) )?(.*)$/.exec(rest) ?? []
  const source = from === undefined ? context : stages.find(({ name }) => name === from)?.root
  if (source === undefined) throw new Error(`There is no stage ${from}`)
  const paths = names.split(/\s+/)
  const target = join(stage.workdir, paths.pop() ?? '')
  for (const path of paths) {
    // As Docker does: a folder's contents go into the target, a file goes under its own name into one that ends in "/".
    const isFile = paths.length > 1 || /\.\w+$/.test(path)
    await cp(join(source, path), isFile ? join(target, path) : target, {
      recursive: true,
      verbatimSymlinks: true,
    })
  }
}
