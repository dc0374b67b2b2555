/** Modules declare settings, errors, a tag, plugins and routes; one list of modules decides what the service has. */
import createError from '@fastify/error'
import { type TProperties, Type } from '@sinclair/typebox'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ConfigError, type Environment, loadConfig } from '../../src/config/config.ts'
import { Count, Duration, environmentSchemaOf } from '../../src/config/schema.ts'
import { errorHandler } from '../../src/http/error-handler.ts'
import { createCatalogue } from '../../src/http/errors.ts'
import { openapi } from '../../src/http/openapi.ts'
import { defineModule, type Module, registerModules, tagOf } from '../../src/modules/define-module.ts'
import { testEnvironment } from '../helpers/config.ts'
import { documentOf } from '../helpers/openapi.ts'

const catalogueOf = (modules: readonly Module[]) => createCatalogue(modules.map(({ errors }) => errors ?? {}))
const configOf = (modules: readonly Module[], environment: Environment = {}) =>
  loadConfig(testEnvironment('postgres://127.0.0.1/none', environment), modules)

/** Returns an app with these modules, their errors and their API documentation, without a database. */
async function buildWith(
  modules: readonly Module[],
  environment: Environment = {},
): Promise<FastifyInstance> {
  const config = configOf(modules, environment)
  const app = Fastify()
  onTestFinished(() => app.close())
  await app.register(errorHandler, { catalogue: catalogueOf(modules), constraints: {} })
  await app.register(openapi, { ...config, tags: modules.flatMap(module => tagOf(module) ?? []) })
  await registerModules(app, { modules, config, prefix: '/api' })
  await app.ready()
  return app
}

const statusOf = async (app: FastifyInstance, url: string) => (await app.inject(url)).statusCode

const LettersSettings = Type.Object({
  LETTERS_PAUSE: Duration('Pause between two letters', '2m'),
  LETTERS_MAX: Count('Most letters', 5),
})
const lettersErrors = { NoStamp: createError('NO_STAMP', 'The letter has no stamp', 422) } as const

const letters = defineModule({
  name: 'letters',
  settings: LettersSettings,
  errors: lettersErrors,
  tag: 'Letters that users send.',
  async routes(app, { settings }) {
    app.get('/letters', async function listLetters() {
      return settings
    })
    app.get('/letters/unstamped', async function getUnstampedLetter() {
      throw new lettersErrors.NoStamp()
    })
    app.get('/letters/keys', { schema: { tags: ['keys'] } }, async function getKeys() {
      return {}
    })
  },
})

const stamps = defineModule({
  name: 'stamps',
  async routes(app) {
    app.get('/stamps', async function listStamps() {
      return []
    })
  },
})

describe('the settings of modules', () => {
  const withSettings = (name: string, properties: TProperties) =>
    defineModule({ name, settings: Type.Object(properties) })

  it('reach the routes with their values, defaults included, and durations in milliseconds', async () => {
    const byDefault = await buildWith([letters])
    expect((await byDefault.inject('/api/letters')).json()).toEqual({
      LETTERS_PAUSE: 120_000,
      LETTERS_MAX: 5,
    })
    const changed = await buildWith([letters], { LETTERS_PAUSE: '3s', LETTERS_MAX: '7' })
    expect((await changed.inject('/api/letters')).json()).toEqual({ LETTERS_PAUSE: 3000, LETTERS_MAX: 7 })
  })

  it('reach the plugin and the routes of their own module only', async () => {
    const seen: Record<string, unknown> = {}
    const reader = (name: string) =>
      defineModule({
        name,
        settings: Type.Object({ [`${name.toUpperCase()}_MAX`]: Count('Most', 1) }),
        async plugin(_app, { settings }) {
          seen[`plugin of ${name}`] = settings
        },
        async routes(_app, { settings }) {
          seen[`routes of ${name}`] = settings
        },
      })
    await buildWith([reader('first'), reader('second')], { SECOND_MAX: '2' })
    expect(seen).toEqual({
      'plugin of first': { FIRST_MAX: 1 },
      'routes of first': { FIRST_MAX: 1 },
      'plugin of second': { SECOND_MAX: 2 },
      'routes of second': { SECOND_MAX: 2 },
    })
  })

  it('are refused by name if two modules have the same one, or a module has one of the service', () => {
    const [first, second] = ['first', 'second'].map(name =>
      withSettings(name, { SHARED_MAX: Count('Most', 1) }),
    )
    if (!first || !second) throw new Error('there are two modules')
    expect(() => environmentSchemaOf([first, second])).toThrow('two settings have the same name: SHARED_MAX')
    expect(() => configOf([first, second])).toThrow('SHARED_MAX')
    expect(() => environmentSchemaOf([withSettings('third', { PORT: Count('Port', 1) })])).toThrow('PORT')
    expect(Object.keys(environmentSchemaOf([first]).properties)).toContain('SHARED_MAX')
  })

  it('are listed with all other settings if they are invalid or missing', () => {
    const required = withSettings('required', {
      REQUIRED_URL: Type.String({ minLength: 1, description: 'URL' }),
    })
    let error: unknown
    try {
      configOf([letters, required], { PORT: 'x', LETTERS_PAUSE: 'soon', LETTERS_MAX: '0' })
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(ConfigError)
    const names = (error as ConfigError).problems.map(problem => problem.split(' ')[0])
    expect(names.toSorted()).toEqual(['LETTERS_MAX', 'LETTERS_PAUSE', 'PORT', 'REQUIRED_URL'])
  })
})

describe('the errors of modules', () => {
  it('are rendered with the title and status of their catalogue entry', async () => {
    const app = await buildWith([letters])
    const response = await app.inject('/api/letters/unstamped')
    expect(response.statusCode).toBe(422)
    expect(response.json()).toMatchObject({
      status: 422,
      code: 'NO_STAMP',
      title: 'The letter has no stamp',
    })
  })

  it('are refused by name if two modules have the same code, or a module has a general one', () => {
    const twin = { Other: createError('NO_STAMP', 'Another title', 409) }
    expect(() => createCatalogue([lettersErrors, twin])).toThrow('two errors have the same code: NO_STAMP')
    const general = { Missing: createError('NOT_FOUND', 'Missing', 404) }
    expect(() => createCatalogue([lettersErrors, general])).toThrow('NOT_FOUND')
  })

  it('are found by code, and never replace the general error of a status', () => {
    const ownConflict = { Duplicate: createError('DUPLICATE', 'A duplicate', 409) }
    const catalogue = createCatalogue([ownConflict, lettersErrors])
    expect(catalogue.find('DUPLICATE')).toEqual({ code: 'DUPLICATE', title: 'A duplicate', status: 409 })
    expect(catalogue.forStatus(409).code).toBe('CONFLICT')
    expect(catalogue.forStatus(422).code).toBe('NO_STAMP')
    expect(catalogue.forStatus(418).code).toBe('INTERNAL_ERROR')
    const statuses = catalogue.entries.map(({ status }) => status)
    expect(statuses).toEqual(statuses.toSorted((a, b) => a - b))
  })
})

describe('the plugins of modules', () => {
  it('all run before the routes of any module, in the order of the list', async () => {
    const order: string[] = []
    const module = (name: string) =>
      defineModule({
        name,
        async plugin() {
          order.push(`plugin of ${name}`)
        },
        async routes() {
          order.push(`routes of ${name}`)
        },
      })
    await buildWith([module('a'), module('b'), module('c')])
    expect(order).toEqual([
      'plugin of a',
      'plugin of b',
      'plugin of c',
      'routes of a',
      'routes of b',
      'routes of c',
    ])
  })

  it('decorate the app for the routes of modules that come earlier in the list', async () => {
    const user = defineModule({
      name: 'user',
      async routes(app) {
        const greet = app.getDecorator<() => string>('greet')
        app.get('/greeting', async function getGreeting() {
          return { greeting: greet() }
        })
      },
    })
    const greeter = defineModule({
      name: 'greeter',
      async plugin(app) {
        app.decorate('greet', () => 'hello')
      },
    })
    const app = await buildWith([user, greeter])
    expect((await app.inject('/api/greeting')).json()).toEqual({ greeting: 'hello' })
  })

  it('add hooks to the routes of all modules, but the hooks of routes stay in their module', async () => {
    const setHeader = (name: string) => async (_request: FastifyRequest, reply: FastifyReply) => {
      reply.header(name, 'set')
    }
    const global = defineModule({
      name: 'global',
      async plugin(app) {
        app.addHook('onRequest', setHeader('x-global'))
      },
    })
    const local = defineModule({
      name: 'local',
      async routes(app) {
        app.addHook('onRequest', setHeader('x-local'))
      },
    })
    const app = await buildWith([local, stamps, global])
    const { headers } = await app.inject('/api/stamps')
    expect([headers['x-global'], headers['x-local']]).toEqual(['set', undefined])
  })
})

describe('the list of modules', () => {
  it('is refused if two modules have the same name', async () => {
    await expect(buildWith([stamps, letters, stamps])).rejects.toThrow(
      'two modules have the same name: stamps',
    )
  })

  it('is refused without a module that another one needs', async () => {
    const post = defineModule({ name: 'post', needs: ['stamps', 'letters'] })
    await expect(buildWith([post, stamps])).rejects.toThrow('post needs modules that are not there: letters')
    await buildWith([post, stamps, letters])
  })
})

describe('the tag of a module', () => {
  it('is on each of its routes without tags, and described once in the document', async () => {
    const { paths, tags } = documentOf(await buildWith([stamps, letters])) as ReturnType<
      typeof documentOf
    > & {
      tags: object[]
    }
    expect(tags).toEqual([
      { name: 'letters', 'x-displayName': 'Letters', description: 'Letters that users send.' },
      expect.objectContaining({ name: 'health' }),
    ])
    expect(paths['/api/letters']?.get?.tags).toEqual(['letters'])
    expect(paths['/api/letters/keys']?.get?.tags).toEqual(['keys'])
    expect(paths['/api/stamps']?.get?.tags).toBeUndefined()
  })
})

it('a module that is removed from the list leaves no route, setting, error or tag', async () => {
  const both = await buildWith([letters, stamps])
  expect(await statusOf(both, '/api/letters')).toBe(200)
  expect(JSON.stringify(both.swagger())).toMatch(/letters/)
  expect(JSON.stringify(both.swagger())).toMatch(/NO_STAMP/)

  // A wrong value of its setting is not looked at.
  const rest = await buildWith([stamps], { LETTERS_PAUSE: 'soon' })
  expect(await statusOf(rest, '/api/stamps')).toBe(200)
  expect(await statusOf(rest, '/api/letters')).toBe(404)
  expect(JSON.stringify(rest.swagger())).not.toMatch(/letters|NO_STAMP/i)
  expect(catalogueOf([stamps]).find('NO_STAMP')).toBeUndefined()
  expect(Object.keys(environmentSchemaOf([stamps]).properties).join()).not.toContain('LETTERS')
  expect(configOf([stamps]).modules).toEqual({ stamps: {} })
})
