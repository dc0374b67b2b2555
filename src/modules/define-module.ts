/** Defines what a module declares about itself, and registers modules. One line in `index.ts` adds a module. */
import type { Static, TObject, TSchema } from '@sinclair/typebox'
import type { FastifyInstance, FastifyPluginAsync, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config/config.ts'
import type { ErrorCode, ErrorGroup } from '../http/errors.ts'
import type { Tag } from '../http/openapi.ts'

/** The options of a module's plugins: the configuration of the service, and the values of the module's own settings. */
export type ModuleOptions<Settings extends TSchema = TObject> = { config: Config; settings: Static<Settings> }

type Definition<Settings extends TObject> = {
  name: string
  /** The names of the modules that this one uses. They cannot be removed while this one is there. */
  needs?: readonly string[]
  /** True if the service does not work without this module. */
  isRequired?: boolean
  /** The environment variables of the module. Their values are in `ModuleOptions`. */
  settings?: Settings
  /** The module's entries in the error catalogue. */
  errors?: ErrorGroup
  /** The error code for each database constraint that a client can violate, by the name of the constraint. */
  constraints?: Readonly<Record<string, ErrorCode>>
  /** The description of the module's group in the API documentation. */
  tag?: string
  /** Adds decorators and hooks to the app, for the routes of all modules. */
  plugin?: FastifyPluginAsync<ModuleOptions<Settings>>
  /** Registers the module's routes, under the prefix of the API. */
  routes?: FastifyPluginAsync<ModuleOptions<Settings>>
}

export type Module = Readonly<Definition<TObject>>

/** Returns the definition. The type of `settings` in its plugins is checked against its schema. */
export function defineModule<Settings extends TObject>(definition: Definition<Settings>): Module {
  // The cast is safe: a module's plugins get the values of its own schema only.
  return definition as unknown as Module
}

/** Returns the OpenAPI tag of a module's routes, or undefined if it declares none. */
export function tagOf({ name, tag }: Module): Tag | undefined {
  if (tag === undefined) return undefined
  return { name, 'x-displayName': `${name.charAt(0).toUpperCase()}${name.slice(1)}`, description: tag }
}

/**
 * Registers the plugins of all modules, then the routes of all modules. So any route can use any plugin. Throws if two
 * modules have the same name, or one needs a module that is not in the list.
 */
export async function registerModules(
  app: FastifyInstance,
  { modules, config, prefix }: { modules: readonly Module[]; config: Config; prefix: string },
): Promise<void> {
  checkNames(modules)
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

/** Two modules of one name would also get the settings of one of them. */
function checkNames(modules: readonly Module[]): void {
  const names = modules.map(({ name }) => name)
  const twice = names.filter((name, index) => names.indexOf(name) < index)
  if (twice.length > 0) throw new Error(`two modules have the same name: ${twice.join(', ')}`)
  for (const { name, needs = [] } of modules) {
    const missing = needs.filter(needed => !names.includes(needed))
    if (missing.length > 0) throw new Error(`${name} needs modules that are not there: ${missing.join(', ')}`)
  }
}

function addTag(route: RouteOptions, { name, tag }: Module): void {
  if (tag !== undefined) route.schema = { tags: [name], ...route.schema }
}
