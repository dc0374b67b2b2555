/** Lint refuses every change of substance, in any row of a report, and accepts true sentences with similar words. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fix, lint } from '../lint/lint.ts'
import { findSecrets } from '../lint/secrets.ts'
import { renderMarkdown } from '../render/markdown.ts'
import { FORMS } from '../sections/forms.ts'
import { row, sampleReport } from './helpers/sample-report.ts'

const NOW = new Date('2026-02-01T00:00:00Z')
const OURS = renderMarkdown(sampleReport())

/** Each random text is made here: no scanner of secrets finds one in this file. */
const random = (length: number) =>
  fc.string({
    unit: fc.constantFrom(...'ABCDEFGHJKMNPQRSTabcdefghjkmnpqrst23456789'),
    minLength: length,
    maxLength: length,
  })
const SECRETS: Record<string, fc.Arbitrary<string>> = {
  'the password of a database': random(8).map(text => `postgres://app:${text}@db.example.com/orders`),
  'the password of Redis': random(6).map(text => `redis://:${text}@cache`),
  'a GitHub token': random(36).map(text => `ghp_${text}`),
  'an AWS key': fc
    .string({ unit: fc.constantFrom(...'ABCDEFGH234567'), minLength: 16, maxLength: 16 })
    .map(text => `AKIA${text}`),
  'a Stripe key': random(24).map(text => `sk_live_${text}`),
  'a Slack token': random(24).map(text => `xoxb-${text}`),
  'a web token': fc.tuple(random(20), random(20)).map(([a, b]) => `eyJ${a}.eyJ${b}.${a}`),
  'a password': random(12).map(text => `password=a1${text}`),
  'a private key': fc.constant(`-----BEGIN ${'PRIVATE'} KEY-----`),
}

/** Texts that a ticked box contradicts. */
const DENIED = [
  ...[
    'TODO',
    'TBD',
    'Rate limiting TODO',
    'Rate limiting (failed)',
    'Rate limiting: failed',
    'Rate limiting – broken',
  ],
  ...[
    'Rate limiting (not verified)',
    'Rate limiting (not verified: no Redis)',
    'Rate limiting (not implemented)',
  ],
  ...[
    'Rate limiting is not implemented',
    'Rate limiting not yet enforced',
    'FAILED: rate limiting',
    'Failed: limits',
  ],
  ...[
    'Rate limiting (3 of 7 failed)',
    'Rate limiting (pending)',
    'Rate limiting (skipped: no Redis)',
    '❌ Limits',
  ],
  ...[
    'Rate limiting fails',
    'Rate limiting does not work',
    'Limits (0 routes)',
    'Limits on 9 of 7 routes',
    'n/a',
    '…',
  ],
  ...[
    'Rate limiting [todo]',
    'Limits (partially done)',
    'Limits isn’t enforced',
    '~~Limits~~',
    'Limits <script>',
  ],
]

/** Sentences that are true, with words that the others have. */
const TRUE = [
  ...[
    'A disabled account cannot log in',
    'Failed logins are counted (5 per minute)',
    'No mass assignment: role refused',
  ],
  ...[
    'Production does not start without its secrets, and names what is missing',
    'Metrics behind a token of their own',
  ],
  ...[
    'The limit holds where Redis fails',
    'Lists of todos are private',
    'CORS grants nothing to unknown origins',
  ],
  ...[
    'Owners reach 3 of 3 objects',
    'Passwords hashed with argon2id (m=19456 KiB, t=2, p=1)',
    'Unknown methods refused',
  ],
  ...[
    'A failed login and an unknown account look the same',
    'Responses do not name the server',
    'Refused with 405',
  ],
  ...[
    'Limited to 10 tries per client and account',
    'A password change asks for the old one and ends the other sessions',
  ],
  ...['__proto__ refused', 'Refresh cookie is __Host-, HttpOnly, Secure and SameSite=Strict'],
]

it.each(DENIED)('refuses a tick for "%s"', text => {
  expect(lint(withMeasure(text), NOW)).not.toEqual([])
  expect(fix(withMeasure(text), NOW)).toBeUndefined()
})

it.each(TRUE)('accepts a tick for "%s"', text => {
  const ours = renderMarkdown(sampleReport({ security: [row([text])] }))
  expect(lint(ours, NOW)).toEqual([])
})

describe.each(Object.entries(SECRETS))('%s', (_name, secret) => {
  it('is refused in any cell, and not quoted', () => {
    fc.assert(
      fc.property(secret, fc.nat(), (value, at) => {
        const markdown = withText(value, at)
        const messages = lint(markdown, NOW).map(({ message }) => message)
        expect(messages.some(message => message.startsWith('there is '))).toBe(true)
        expect(findSecrets(value)).toHaveLength(1)
      }),
      { numRuns: 30 },
    )
  })
})

it.each([
  'postgres://app:$PASSWORD@db/orders',
  'postgres://app:***@db/orders',
  'Connection string of PostgreSQL, postgres://host:5432/orders',
  'Token signing key: at least 16 characters',
  'src/modules/accounts/common-passwords-of-the-world-2026.ts',
])('finds no secret in "%s"', text => {
  expect(findSecrets(text)).toEqual([])
})

const ROWS = OURS.split('\n').flatMap((line, index) => (/^[|-] ?[^-]/.test(line) ? [index] : []))

it('refuses a row that is there twice, and a text between rows, at any row', () => {
  fc.assert(
    fc.property(fc.constantFrom(...ROWS), fc.boolean(), (at, isCopy) => {
      const lines = OURS.split('\n')
      const added = isCopy ? (lines[at] ?? '') : 'Everything works.'
      expect(lint(lines.toSpliced(at + 1, 0, added).join('\n'), NOW)).not.toEqual([])
    }),
  )
})

it('refuses sections that are missing, twice, renamed or in another order', () => {
  const parts = OURS.split(/(?=^### )/m)
  const section = fc.integer({ min: 1, max: FORMS.length })
  fc.assert(
    fc.property(
      section,
      section,
      fc.constantFrom('remove', 'copy', 'rename', 'swap'),
      (at, other, change) => {
        const changed = [...parts]
        if (change === 'remove') changed.splice(at, 1)
        if (change === 'copy') changed.splice(other, 0, parts[at] ?? '')
        if (change === 'rename') changed[at] = (parts[at] ?? '').replace('### ', '### The ')
        if (change === 'swap') {
          fc.pre(at !== other)
          changed[at] = parts[other] ?? ''
          changed[other] = parts[at] ?? ''
        }
        expect(lint(changed.join('\n'), NOW)).not.toEqual([])
      },
    ),
  )
})

it('refuses columns that are missing, renamed or in another order', () => {
  const tables = FORMS.filter(({ id }) => id !== 'security' && id !== 'middleware')
  fc.assert(
    fc.property(fc.constantFrom(...tables), fc.nat(), ({ columns }, at) => {
      const from = `| ${columns.join(' | ')} |`
      const index = at % columns.length
      for (const changed of [
        columns.toSpliced(index, 1),
        columns.toSpliced(index, 1, 'Note'),
        columns.toReversed(),
      ]) {
        expect(lint(OURS.replace(from, `| ${changed.join(' | ')} |`), NOW)).not.toEqual([])
      }
    }),
  )
})

it('reads a document of many rows, of long lines, or of random characters in time', () => {
  const many = Array.from({ length: 100_000 }, (_, index) => `| src/${index}.ts | Lists orders |`).join('\n')
  const marks = ['|', '`', '_a', '*a ', '\\', '<', '- [x] (', '[', 'a:', '~', '\t'].map(mark =>
    mark.repeat(9_000),
  )
  const start = performance.now()
  expect(lint(OURS.replace('| package.json |', `${many}\n| package.json |`), NOW)).toEqual([])
  for (const mark of marks) {
    expect(lint(OURS.replace('| Framework |', `| ${mark} |`), NOW)).toBeInstanceOf(Array)
    expect(lint(withMeasure(`A ${mark}`), NOW)).toBeInstanceOf(Array)
  }
  fc.assert(fc.property(fc.string({ maxLength: 300, unit: 'binary' }), text => lint(text, NOW).length > 0))
  expect(performance.now() - start).toBeLessThan(20_000)
})

/** Rows without the headings of tables. */
const DATA = ROWS.filter(index => !OURS.split('\n')[index + 1]?.startsWith('|--'))

function withMeasure(text: string): string {
  return OURS.replace('- [x] Input validation', () => `- [x] ${text}`)
}

/** Puts a text behind the last cell, or the measure, of one of the rows. */
function withText(text: string, at: number): string {
  const lines = OURS.split('\n')
  const index = DATA[at % DATA.length] ?? 0
  return lines
    .with(
      index,
      (lines[index] ?? '').replace(/( \|)?$/, end => ` ${text}${end}`),
    )
    .join('\n')
}
