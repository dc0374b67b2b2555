/** The parts of a report: drawings, purposes, descriptions, comparisons, secrets, checks, the command line. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { subtract } from '../change/subtract.ts'
import { redact } from '../document/redact.ts'
import { acceptsText, exampleOf, type JsonSchema } from '../json-schema.ts'
import type { ObservedHook, TraceEvent } from '../observe/observation.ts'
import { parseCommandLine } from '../options.ts'
import { describeMigration } from '../sections/database/describe-migration.ts'
import { purposeOf } from '../sections/files/purpose.ts'
import { drawStack } from '../sections/middleware/drawing.ts'
import { labelOf, orderStages } from '../sections/middleware/stages.ts'
import { fillClaim } from '../security/check.ts'
import { findChecks } from '../security/find-checks.ts'
import { secretsOf } from '../subject/secrets.ts'
import { findStaleRows } from '../verify/compare.ts'
import { row, sampleReport } from './helpers/sample-report.ts'

describe('the drawing', () => {
  it('has the form of the sample', () => {
    const stages = [
      { label: 'RateLimit', responses: '429' },
      { label: 'Auth', responses: '401' },
      { label: 'Validate', responses: '400' },
      { label: 'Handler', responses: '–' },
      { label: 'Serialize', responses: 'Transform' },
    ]
    expect(drawStack(stages)).toEqual([
      'Request → RateLimit → Auth → Validate → Handler → Serialize → Response',
      '           │           │       │                   │',
      '           └─ 429      └─ 401  └─ 400              └─ Transform',
    ])
  })

  it('puts several statuses under each other, and makes room where names are short', () => {
    const [chain, stems, first, second] = drawStack([
      { label: 'Ip', responses: '403, 429' },
      { label: 'Id', responses: '401' },
      { label: 'Handler', responses: '–' },
    ])
    expect(chain?.replaceAll(/ +/g, ' ')).toBe('Request → Ip → Id → Handler → Response')
    expect(stems?.match(/│/g)).toHaveLength(2)
    expect(first).toContain('├─ 403')
    expect(first).toContain('└─ 401')
    expect(second?.trim()).toBe('└─ 429')
  })

  it('is one line where no stage responds', () => {
    expect(drawStack([{ label: 'Handler', responses: '–' }])).toEqual(['Request → Handler → Response'])
  })
})

describe('the stages', () => {
  const hook = (kind: ObservedHook['kind'], name: string, file: string): ObservedHook => ({
    kind,
    name,
    isOfRoute: false,
    place: { file, line: 1 },
  })
  const hooks = [
    hook('onRequest', 'limitEveryRoute', 'src/http/rate-limit.ts'),
    hook('onRequest', 'handleCors', 'node_modules/@fastify/cors/index.js'),
    hook('onSend', 'giveBack', 'src/http/shutdown.ts'),
    hook('onRequest', 'authenticate', 'src/modules/sessions/plugin.ts'),
  ]
  const entry = { file: 'src/app.ts', line: 1 }
  const pass = (...order: number[]): TraceEvent[] => [
    ...order.map((index): TraceEvent => ({ at: 'hook', hook: index })),
    ...([
      { at: 'handler' },
      { at: 'serialize', from: 'object', to: 'string' },
      { at: 'hook', hook: 2 },
    ] as const),
  ]
  const labels = (...traces: TraceEvent[][]) =>
    orderStages(traces, { hooks, entry }).order.map(({ label }) => label)

  it('are in the order in which requests run through them, and follow when a plugin moves', () => {
    expect(labels(pass(0, 1))).toEqual(['RateLimit', 'Cors', 'Handler', 'Serialize', 'Shutdown'])
    expect(labels(pass(1, 0))).toEqual(['Cors', 'RateLimit', 'Handler', 'Serialize', 'Shutdown'])
  })

  it('appear when a plugin is added, on any route, and disappear when it is removed', () => {
    expect(labels(pass(0), pass(0, 3))).toEqual(['RateLimit', 'Auth', 'Handler', 'Serialize', 'Shutdown'])
    expect(labels(pass(1))).toEqual(['Cors', 'Handler', 'Serialize', 'Shutdown'])
  })

  it('find which stage refused: the hook before the error, the schema, or the parser', () => {
    const error = (code: string, isValidation = false): TraceEvent => ({ at: 'error', code, isValidation })
    const stages = orderStages([pass(0, 3)], { hooks, entry })
    const before: TraceEvent[] = [
      { at: 'hook', hook: 0 },
      { at: 'hook', hook: 3 },
    ]
    expect(stages.responder([...before, error('UNAUTHORIZED')], 401)).toBe('onRequest Auth')
    expect(stages.responder([...before, error('FST_ERR_VALIDATION', true)], 400)).toBe('Validate')
    expect(stages.responder([...before, error('FST_ERR_CTP_BODY_TOO_LARGE')], 413)).toBe('Parse')
    expect(stages.responder([{ at: 'hook', hook: 0 }], 204)).toBe('onRequest RateLimit')
    expect(stages.responder(pass(0, 3), 200)).toBeUndefined()
    expect(stages.responder([...before, error('NOT_FOUND')], 404)).toBeUndefined()
  })

  it('are named after the file or package that added the hook, or after the hook in a main file', () => {
    const named = (name: string, file: string) =>
      labelOf({ name, isOfRoute: false, place: { file, line: 1 } }, 'src/app.ts')
    expect(named('check', 'src/http/security-headers.ts')).toBe('SecurityHeaders')
    expect(named('check', 'node_modules/@fastify/under-pressure/index.js')).toBe('UnderPressure')
    expect(named('checkToken', 'src/app.ts')).toBe('CheckToken')
    expect(named('check', 'src/tenants/index.ts')).toBe('Tenants')
    expect(named('limitUrl', 'src/http/validation.ts')).toBe('LimitUrl')
    expect(named('requireOwner', 'src/modules/sessions/plugin.ts')).toBe('Auth')
    expect(named('normalize', 'src/modules/accounts/plugin.ts')).toBe('Accounts')
    expect(labelOf({ name: '', isOfRoute: false, place: undefined }, undefined)).toBe('Hook')
    const place = { file: 'src/modules/sessions/routes.ts', line: 1 }
    expect(labelOf({ name: 'requireCsrfToken', isOfRoute: true, place }, 'src/app.ts')).toBe(
      'RequireCsrfToken',
    )
  })
})

describe('the purpose of a file', () => {
  it.each([
    ['a.ts', '/** Authenticates requests. And more. */\nimport x', 'Authenticates requests'],
    ['a.ts', '#!/usr/bin/env node\n/**\n * Authenticates\n * requests.\n */', 'Authenticates requests'],
    ['a.mjs', '// Knows RFC 9110 §15.5 well\n// and more\nlet a', 'Knows RFC 9110 §15.5 well and more'],
    ['a.ts', '/** Runs `node a.ts <x>`: is it so? Yes. */', 'Runs `node a.ts <x>`: is it so?'],
    ['a.sql', '-- Adds a column.\nALTER', 'Adds a column'],
    ['a.md', '# The title\nText', 'The title'],
    ['.ci/run', '#!/bin/sh\n# What CI runs.\nset -e', 'What CI runs'],
    ['a.html', '<!-- A page. --><p>', 'A page'],
  ])('is the first sentence of its opening comment: %s', (path, text, purpose) => {
    expect(purposeOf(path, text)).toBe(purpose)
  })

  it.each([
    ['a.ts', "import x from 'x'\n/** Late. */"],
    ['a.json', '{"description": "A guess"}'],
    ['a.sql', 'CREATE TABLE a ();\n--> statement-breakpoint'],
    ['.gitignore', 'node_modules/'],
  ])('is not guessed: %s', (path, text) => {
    expect(purposeOf(path, text)).toBeUndefined()
  })
})

describe('the description of a migration', () => {
  it('is its opening comment, or what its statements do', () => {
    expect(describeMigration('-- Notifies every instance.\nCREATE FUNCTION f()')).toBe(
      'Notifies every instance',
    )
    expect(
      describeMigration(
        'CREATE TABLE "b" ();--> statement-breakpoint\nCREATE TABLE "a" ();\nCREATE UNIQUE INDEX "i" ON a (x);',
      ),
    ).toBe('Creates tables a, b, 1 index')
    expect(describeMigration('ALTER TABLE "users" ADD COLUMN "x" text;')).toBe('Alters table users')
    expect(describeMigration('UPDATE users SET x = 1;')).toBe('Changes data')
  })
})

describe('a comparison', () => {
  it('keeps what is new, changed or removed, and reports when there is no change', () => {
    const rows = {
      endpoints: [row(['GET', '/a', 'JWT', 'A']), row(['GET', '/new', 'Public', 'New'])],
      database: [row(['0001', 'One'])],
    }
    subtract(
      rows,
      {
        endpoints: [row(['GET', '/a', 'Public', 'A']), row(['GET', '/old', 'JWT', 'Old'])],
        database: [row(['0001', 'One'])],
      },
      'v1',
    )
    expect(rows.endpoints.map(({ cells }) => cells.join(' '))).toEqual([
      'GET /a JWT A',
      'GET /new Public New',
      'GET /old JWT Old (removed)',
    ])
    expect(rows.endpoints[0]?.evidence.at(-1)).toMatchObject({
      what: 'in v1',
      value: 'GET | /a | Public | A',
    })
    expect(rows.database.map(({ cells }) => cells)).toEqual([['no change', '–']])
  })

  it('marks stages that were added and removed, at their places', () => {
    const rows = { middleware: [row(['Auth', '401']), row(['New', '–']), row(['Handler', '–'])] }
    subtract(rows, { middleware: [row(['Old', '–']), row(['Auth', '401']), row(['Handler', '–'])] }, 'v1')
    expect(rows.middleware.map(({ cells }) => cells[0])).toEqual(['-Old', 'Auth', '+New', 'Handler'])
  })

  it('finds what is missing, changed, removed and moved, except in the measurements', () => {
    const said = sampleReport()
    expect(findStaleRows(said, said)).toEqual([])
    const found = sampleReport({
      stack: [row(['Framework', 'Fastify', '5.12.8']), row(['Runtime', 'Node.js', '24.21.0 LTS'])],
      performance: [row(['GET /x', '1ms', '1ms', '1 rps'])],
      security: [row(['Input validation'], 'fail')],
    })
    expect(findStaleRows(said, found)).toEqual([
      'Stack Detected: the rows are now in another order',
      'Security Measures: "Input validation" was "pass" and is now "fail"',
      'Security Measures: "Rate limiting: 100 req/min per IP" is no longer there',
      'Security Measures: "CORS configured for allowed origins" is no longer there',
      'Security Measures: "No secrets from the image (not verified: there is no Dockerfile)" is no longer there',
    ])
  })
})

describe('verify', () => {
  it('does not let a document excuse rows, rename columns, or order its sections', () => {
    const known = row(['Framework', 'Fastify', '5.12.8'])
    const found = sampleReport({ stack: [known] })
    const invented = { ...row(['Backdoor', 'Invented', '1']), volatile: true }
    expect(findStaleRows(sampleReport({ stack: [known, invented] }), found)).toEqual([
      'Stack Detected: "Backdoor | Invented | 1" is no longer there',
    ])

    const [stack, ...others] = found.sections
    if (!stack) throw new Error('there is no stack')
    const renamed = { ...found, sections: [{ ...stack, columns: ['Component', 'Safe'] }, ...others] }
    expect(findStaleRows(renamed, found)).toEqual([
      '"Stack Detected | Component | Safe" should be "Stack Detected | Component | Technology | Version"',
    ])
    const turned = { ...found, sections: found.sections.toReversed() }
    expect(findStaleRows(turned, found)).toEqual([
      expect.stringMatching(/^the sections are environment, .*, and should be stack, /),
    ])
    const twice = { ...found, sections: [stack, ...found.sections] }
    expect(findStaleRows(twice, found)).toEqual([expect.stringMatching(/^the sections are stack, stack, /)])
  })
})

describe('secrets', () => {
  it('are removed from every string, also from parts of longer ones', () => {
    const secrets = secretsOf({
      DATABASE_URL: 'postgres://app:p%40ssword1@db/app',
      TOKEN: 'a-long-token',
      PORT: '0',
      MODE: 'production',
    })
    const redacted = redact(
      { a: ['x a-long-token y', 'p@ssword1'], b: { c: 'postgres://app:p%40ssword1@db/app', d: 3 } },
      secrets,
    )
    expect(redacted).toEqual({ a: ['x [hidden] y', '[hidden]'], b: { c: '[hidden]', d: 3 } })
    expect(secrets).not.toContain('production')
  })

  it('are recognized by their format too', () => {
    expect(redact('Bearer eyJhbGciOiJ.eyJzdWIiOiI.c2lnbmF0dXJl', [])).toBe('Bearer [hidden]')
  })
})

describe('a claim', () => {
  it('contains the values that were found, and works without them', () => {
    const claim = 'JWT with {alg} signing and {life} expiry'
    expect(fillClaim(claim, { alg: 'RS256', life: '15min' })).toBe('JWT with RS256 signing and 15min expiry')
    expect(fillClaim(claim, {})).toBe('JWT with signing and expiry')
    expect(fillClaim('Rate limiting: {max} req/{window} per IP', {})).toBe('Rate limiting')
    expect(fillClaim('Refused ({count} kinds)', {})).toBe('Refused')
  })
})

describe('the security checks', () => {
  it('are found in their folder: a new file adds rows at the end, in the order of their ids', async () => {
    const folder = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-checks-`))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const check = (id: string, rank = '') =>
      `export const ${id} = { id: '${id}', ${rank} claim: '${id}', source: 'none', needs: 'http', run() {} }\n`
    writeFileSync(join(folder, 'notes.ts'), check('b') + check('a'))
    writeFileSync(join(folder, 'orders.ts'), check('c', 'rank: 1,'))
    const ids = async () => (await findChecks(pathToFileURL(`${folder}/`))).map(({ id }) => id)
    expect(await ids()).toEqual(['c', 'a', 'b'])
    writeFileSync(join(folder, 'users.ts'), check('c'))
    await expect(ids()).rejects.toThrow('two security checks have the id "c"')
  })
})

describe('an example of a JSON Schema', () => {
  it('is accepted by the schema: from its examples, its defaults or its keywords', () => {
    const schema: JsonSchema = {
      type: 'object',
      required: ['title', 'total', 'kind', 'tags', 'dueAt', 'owner', 'isDone'],
      properties: {
        title: { type: 'string', minLength: 10, maxLength: 12 },
        total: { type: 'integer', exclusiveMinimum: 4 },
        kind: { anyOf: [{ const: 'system' }, { const: 'user' }] },
        tags: { type: 'array', minItems: 2, items: { type: 'string', enum: ['red', 'blue'] } },
        dueAt: { type: 'string', format: 'date-time' },
        owner: { type: 'object', properties: { id: { type: 'string', format: 'uuid' } } },
        isDone: { type: 'boolean', default: true },
        note: { type: 'string' },
      },
    }
    const example = exampleOf(schema)
    const ajv = new Ajv({ strict: false })
    addFormats.default(ajv)
    expect(ajv.compile(schema)(example), JSON.stringify(example)).toBe(true)
    expect(example).toMatchObject({ kind: 'system', isDone: true })
    expect(example).not.toHaveProperty('note')
  })
})

it('finds which texts a property accepts as free text', () => {
  const injection = "' OR '1'='1"
  expect(acceptsText({ type: 'string' }, injection)).toBe(true)
  expect(acceptsText({ type: 'string', pattern: '^[^\\u0000\\p{Cs}]*$' }, injection)).toBe(true)
  expect(acceptsText({ type: 'string', pattern: '^[a-z]+$' }, injection)).toBe(false)
  expect(acceptsText({ type: 'string', format: 'date-time' }, injection)).toBe(false)
  expect(acceptsText({ type: 'string', enum: ['a'] }, injection)).toBe(false)
  expect(acceptsText({ type: 'integer' }, injection)).toBe(false)
})

describe('the command line', () => {
  it('has the defaults of its help', () => {
    const { command, settings } = parseCommandLine([], new Date('2026-01-31T23:59:00Z'))
    expect(command).toBe('report')
    expect(settings).toMatchObject({ bench: 'quick', out: 'report/out', date: '2026-01-31', publish: false })
    expect(settings.sections).toHaveLength(8)
  })

  it('keeps the order of the format for any order of sections', () => {
    expect(parseCommandLine(['--sections', 'files, stack']).settings.sections).toEqual(['stack', 'files'])
    expect(() => parseCommandLine(['--publish', '--sections', 'files'])).toThrow(
      /--publish takes all sections/,
    )
  })
})
