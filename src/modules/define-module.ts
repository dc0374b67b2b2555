/** What a module declares of itself, so that it can be added and removed by one line of `index.ts`. */
import type { Static, TObject, TSchema } from '@sinclair/typebox'
import type { FastifyInstance, FastifyPluginAsync, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config/config.ts'
import type { ErrorCode, ErrorGroup } from '../http/errors.ts'
import type { Tag } from '../http/openapi.ts'

/** What a module's plugins are given: the configuration, and in it the values of the module's own settings. */
export type ModuleOptions<Settings extends TSchema = TObject> = { config: Config; settings: Static<Settings> }

type Definition<Settings extends TObject> = {
  name: string
  /** The modules that it uses: none of these can be removed before it. */
  needs?: readonly string[]
  /** Whether the service works without it. */
  isRequired?: boolean
  /** The environment variables that it adds. */
  settings?: Settings
  /** Its entries of the error catalogue. */
  errors?: ErrorGroup
  /** The codes of its constraints that a client can violate, by the name of the constraint. */
  constraints?: Readonly<Record<string, ErrorCode>>
  /** What its routes are about: their group in the API documentation. */
  tag?: string
  /** What it adds to the app for other modules: decorators and hooks. */
  plugin?: FastifyPluginAsync<ModuleOptions<Settings>>
  /** Its routes, under the prefix of the API. */
  routes?: FastifyPluginAsync<ModuleOptions<Settings>>
}

export type Module = Readonly<Definition<TObject>>

/** Returns the definition as it stands; the settings in its plugins have the types of its schema. */
export function defineModule<Settings extends TObject>(definition: Definition<Settings>): Module {
  // A module is only ever given the values of its own schema.
  return definition as unknown as Module
}

/** Returns the tag of a module's routes; undefined where it has none. */
export function tagOf({ name, tag }: Module): Tag | undefined {
  if (tag === undefined) return undefined
  return { name, 'x-displayName': `${name.charAt(0).toUpperCase()}${name.slice(1)}`, description: tag }
}

/** Registers the modules: first what each adds to the app, then the routes of all, which may use any of it. */
export async function registerModules(
  app: FastifyInstance,
  { modules, config, prefix }: { modules: readonly Module[]; config: Config; prefix: string },
): Promise<void> {
  const optionsOf = ({ name }: Module) => ({ config, settings: config.modules[name] ?? {} })
  for (const module of modules) {
    if (module.plugin) await app.register(fp(module.plugin, { name: module.name }), optionsOf(module))
  }
  for (const module of modules) {
    const { routes } = module
    if (!routes) continue
    await app.register(async function moduleRoutes(scope: FastifyInstance) {
      scope.addHook('onRoute', route => addTag(route, module))
      await scope.register(routes, { ...optionsOf(module), prefix })
    })
  }
}

function addTag(route: RouteOptions, { name, tag }: Module): void {
  if (tag !== undefined) route.schema = { tags: [name], ...route.schema }
}
