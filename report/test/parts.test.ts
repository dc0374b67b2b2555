/** The parts of a report that can be judged by themselves: drawings, purposes, descriptions, comparisons, secrets. */
import { describe, expect, it } from 'vitest'
import { describe as describeMigration } from '../collectors/database.ts'
import { purposeOf } from '../collectors/files.ts'
import { findLies, subtract } from '../compare.ts'
import { redact } from '../document/redact.ts'
import { labelOf, orderStages } from '../middleware/stages.ts'
import type { ObservedHook, TraceEvent } from '../observe/observation.ts'
import { parseCommandLine } from '../options.ts'
import { drawStack } from '../render/drawing.ts'
import { claimOf } from '../security/probe.ts'
import { valuesOf } from '../subject/reference.ts'
import { row, sampleReport } from './sample-report.ts'

describe('the drawing', () => {
  it("has the sample's form", () => {
    const stages = [
      { label: 'RateLimit', answers: '429' },
      { label: 'Auth', answers: '401' },
      { label: 'Validate', answers: '400' },
      { label: 'Handler', answers: '–' },
      { label: 'Serialize', answers: 'Transform' },
    ]
    expect(drawStack(stages)).toEqual([
      'Request → RateLimit → Auth → Validate → Handler → Serialize → Response',
      '           │           │       │                   │',
      '           └─ 429      └─ 401  └─ 400              └─ Transform',
    ])
  })

  it('hangs several answers under each other, and makes room where names are short', () => {
    const [chain, stems, first, second] = drawStack([
      { label: 'Ip', answers: '403, 429' },
      { label: 'Id', answers: '401' },
      { label: 'Handler', answers: '–' },
    ])
    expect(chain?.replaceAll(/ +/g, ' ')).toBe('Request → Ip → Id → Handler → Response')
    expect(stems?.match(/│/g)).toHaveLength(2)
    expect(first).toContain('├─ 403')
    expect(first).toContain('└─ 401')
    expect(second?.trim()).toBe('└─ 429')
  })

  it('is one line where nothing answers', () => {
    expect(drawStack([{ label: 'Handler', answers: '–' }])).toEqual(['Request → Handler → Response'])
  })
})

describe('the stages', () => {
  const hook = (kind: ObservedHook['kind'], name: string, file: string): ObservedHook => ({
    kind,
    name,
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

  it('stand in the order in which requests met them, and follow when a plugin moves', () => {
    expect(labels(pass(0, 1))).toEqual(['RateLimit', 'Cors', 'Handler', 'Serialize', 'Shutdown'])
    expect(labels(pass(1, 0))).toEqual(['Cors', 'RateLimit', 'Handler', 'Serialize', 'Shutdown'])
  })

  it('appear when a plugin is added, on whichever route, and go when it is removed', () => {
    expect(labels(pass(0), pass(0, 3))).toEqual(['RateLimit', 'Auth', 'Handler', 'Serialize', 'Shutdown'])
    expect(labels(pass(1))).toEqual(['Cors', 'Handler', 'Serialize', 'Shutdown'])
  })

  it('know who refused: the hook before the error, the schema, or the parser', () => {
    const error = (code: string, isValidation = false): TraceEvent => ({ at: 'error', code, isValidation })
    const stages = orderStages([pass(0, 3)], { hooks, entry })
    const before: TraceEvent[] = [
      { at: 'hook', hook: 0 },
      { at: 'hook', hook: 3 },
    ]
    expect(stages.answering([...before, error('UNAUTHORIZED')], 401)).toBe('onRequest Auth')
    expect(stages.answering([...before, error('FST_ERR_VALIDATION', true)], 400)).toBe('Validate')
    expect(stages.answering([...before, error('FST_ERR_CTP_BODY_TOO_LARGE')], 413)).toBe('Parse')
    expect(stages.answering([{ at: 'hook', hook: 0 }], 204)).toBe('onRequest RateLimit')
    expect(stages.answering(pass(0, 3), 200)).toBeUndefined()
    expect(stages.answering([...before, error('NOT_FOUND')], 404)).toBeUndefined()
  })

  it('are called after the file or package that added the hook, or after the hook in a main file', () => {
    const named = (name: string, file: string) => labelOf({ name, place: { file, line: 1 } }, 'src/app.ts')
    expect(named('check', 'src/http/security-headers.ts')).toBe('SecurityHeaders')
    expect(named('check', 'node_modules/@fastify/under-pressure/index.js')).toBe('UnderPressure')
    expect(named('checkToken', 'src/app.ts')).toBe('CheckToken')
    expect(named('check', 'src/tenants/index.ts')).toBe('Tenants')
    expect(named('limitUrl', 'src/http/validation.ts')).toBe('LimitUrl')
    expect(labelOf({ name: '', place: undefined }, undefined)).toBe('Hook')
  })
})

describe('the purpose of a file', () => {
  it.each([
    ['a.ts', '/** Knows who calls. And more. */\nimport x', 'Knows who calls'],
    ['a.ts', '#!/usr/bin/env node\n/**\n * Knows who\n * calls.\n */', 'Knows who calls'],
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
  it('is its own opening comment, or what its statements do', () => {
    expect(describeMigration('-- Tells every instance.\nCREATE FUNCTION f()')).toBe('Tells every instance')
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
  it('keeps what is new, changed or gone, and says when nothing is', () => {
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

  it('marks stages that came and went, where they stand or stood', () => {
    const rows = { middleware: [row(['Auth', '401']), row(['New', '–']), row(['Handler', '–'])] }
    subtract(rows, { middleware: [row(['Old', '–']), row(['Auth', '401']), row(['Handler', '–'])] }, 'v1')
    expect(rows.middleware.map(({ cells }) => cells[0])).toEqual(['-Old', 'Auth', '+New', 'Handler'])
  })

  it('finds what is missing, changed, gone and moved, but in the measurements', () => {
    const said = sampleReport()
    expect(findLies(said, said)).toEqual([])
    const found = sampleReport({
      stack: [row(['Framework', 'Fastify', '5.12.8']), row(['Runtime', 'Node.js', '24.21.0 LTS'])],
      performance: [row(['GET /x', '1ms', '1ms', '1 rps'])],
      security: [row(['Input validation'], 'fail')],
    })
    expect(findLies(said, found)).toEqual([
      'Stack Detected: the rows are now in another order',
      'Security Measures: "Input validation" was "pass" and is now "fail"',
      'Security Measures: "Rate limiting: 100 req/min per IP" is no longer there',
      'Security Measures: "CORS configured for allowed origins" is no longer there',
      'Security Measures: "No secrets from the image (not verified: there is no Dockerfile)" is no longer there',
    ])
  })
})

describe('verify', () => {
  it('does not let a document excuse rows, name columns anew, or order its sections', () => {
    const known = row(['Framework', 'Fastify', '5.12.8'])
    const found = sampleReport({ stack: [known] })
    const madeUp = { ...row(['Backdoor', 'Made up', '1']), volatile: true }
    expect(findLies(sampleReport({ stack: [known, madeUp] }), found)).toEqual([
      'Stack Detected: "Backdoor | Made up | 1" is no longer there',
    ])

    const [stack, ...others] = found.sections
    if (!stack) throw new Error('there is no stack')
    const renamed = { ...found, sections: [{ ...stack, columns: ['Component', 'Safe'] }, ...others] }
    expect(findLies(renamed, found)).toEqual([
      '"Stack Detected | Component | Safe" should be "Stack Detected | Component | Technology | Version"',
    ])
    const turned = { ...found, sections: found.sections.toReversed() }
    expect(findLies(turned, found)).toEqual([
      expect.stringMatching(/^the sections are environment, .*, and should be stack, /),
    ])
    const twice = { ...found, sections: [stack, ...found.sections] }
    expect(findLies(twice, found)).toEqual([expect.stringMatching(/^the sections are stack, stack, /)])
  })
})

describe('secrets', () => {
  it('are taken out of every string, whole or in part of a longer one', () => {
    const secrets = valuesOf({
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

  it('are known by their form too', () => {
    expect(redact('Bearer eyJhbGciOiJ.eyJzdWIiOiI.c2lnbmF0dXJl', [])).toBe('Bearer [hidden]')
  })
})

describe('a claim', () => {
  it('holds the facts that were found, and goes without where there are none', () => {
    const claim = 'JWT with {alg} signing and {life} expiry'
    expect(claimOf(claim, { alg: 'RS256', life: '15min' })).toBe('JWT with RS256 signing and 15min expiry')
    expect(claimOf(claim, {})).toBe('JWT with signing and expiry')
    expect(claimOf('Rate limiting: {max} req/{window} per IP', {})).toBe('Rate limiting')
    expect(claimOf('Refused ({count} kinds)', {})).toBe('Refused')
  })
})

describe('the command line', () => {
  it('has the defaults that its help promises', () => {
    const { command, settings } = parseCommandLine([], new Date('2026-01-31T23:59:00Z'))
    expect(command).toBe('report')
    expect(settings).toMatchObject({ bench: 'quick', out: 'report/out', date: '2026-01-31', publish: false })
    expect(settings.sections).toHaveLength(8)
  })

  it('keeps the order of the format, however sections are asked for', () => {
    expect(parseCommandLine(['--sections', 'files, stack']).settings.sections).toEqual(['stack', 'files'])
    expect(() => parseCommandLine(['--publish', '--sections', 'files'])).toThrow(
      /--publish takes all sections/,
    )
  })
})
