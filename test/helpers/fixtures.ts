/** The objects of all modules, for tests over all routes: each module makes its own, in `test/modules/<name>/fixture.ts`. */
import { globSync } from 'node:fs'
import { join } from 'node:path'
import type { TestApp } from './app.ts'
import { bodyOf, type Operation } from './openapi.ts'
import { ROOT } from './service.ts'

export type Owner = { id: string; email: string; accessToken: string }

/** How to make an object that a path names. */
export type ObjectFixture = {
  /** How the paths begin that name it, with its id as `{id}`. */
  path: string
  /** Returns the id of an object that belongs to the owner. */
  create: (service: Pick<TestApp, 'call' | 'logIn'>, owner: Owner) => Promise<string>
  /** The methods by which users who do not own it get a part of it. */
  sharedBy?: readonly Operation['method'][]
}

const files = globSync('test/modules/*/fixture.ts', { cwd: ROOT })

const found: readonly { objects: readonly ObjectFixture[] }[] = await Promise.all(
  files.map(file => import(join(ROOT, file))),
)

/**
 * Returns ids for the paths of operations that take a body: of an object of the user who signs in, so that it is the body that is
 * refused. Other operations might delete it; they get `fallback`.
 */
export function createPathIds(
  service: Pick<TestApp, 'call' | 'logIn'>,
  signIn: () => Promise<Owner>,
  fallback: string,
) {
  const ids = new Map<string, Promise<string>>()
  return (operation: Operation): Promise<string> | string => {
    if (!operation.path.includes('{id}') || !bodyOf(operation)) return fallback
    const id = ids.get(operation.path) ?? signIn().then(owner => fixtureOf(operation).create(service, owner))
    ids.set(operation.path, id)
    return id
  }
}

/** Returns the fixture of the object that an operation's path names. Throws where no module has one. */
export function fixtureOf({ path }: Pick<Operation, 'path'>): ObjectFixture {
  const fixture = found
    .flatMap(({ objects }) => objects)
    .filter(object => path.startsWith(object.path))
    .toSorted((a, b) => b.path.length - a.path.length)[0]
  if (!fixture) throw new Error(`no test/modules/<name>/fixture.ts makes the object of ${path}`)
  return fixture
}
