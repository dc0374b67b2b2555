/** Creates objects of all modules, for tests over all routes. Each module has its own in `test/modules/<name>/fixture.ts`. */
import { globSync } from 'node:fs'
import { join } from 'node:path'
import type { TestApp } from './app.ts'
import { bodyOf, type Operation } from './openapi.ts'
import { ROOT } from './service.ts'

export type Owner = { id: string; email: string; accessToken: string }

/** Creates the object in a path. */
export type ObjectFixture = {
  /** The beginning of the paths of the object, with its id as `{id}`. */
  path: string
  /** Creates an object of the owner and returns its id. */
  create: (service: Pick<TestApp, 'call' | 'logIn'>, owner: Owner) => Promise<string>
  /** The methods with which other users can read a part of the object. */
  sharedBy?: readonly Operation['method'][]
}

const files = globSync('test/modules/*/fixture.ts', { cwd: ROOT })

const fixtures: readonly { objects: readonly ObjectFixture[] }[] = await Promise.all(
  files.map(file => import(join(ROOT, file))),
)

/**
 * Returns a function that returns the id for the path of an operation. Operations with a body get the id of an object of
 * the user who signs in, so that only the body can be refused. Other operations might delete it, so they get `fallback`.
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

/** Returns the fixture for the object in an operation's path. Throws if no module has one. */
export function fixtureOf({ path }: Pick<Operation, 'path'>): ObjectFixture {
  const fixture = fixtures
    .flatMap(({ objects }) => objects)
    .filter(object => path.startsWith(object.path))
    .toSorted((a, b) => b.path.length - a.path.length)[0]
  if (!fixture) throw new Error(`no test/modules/<name>/fixture.ts creates the object of ${path}`)
  return fixture
}
