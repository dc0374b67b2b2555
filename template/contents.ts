/** The fields of a module where its files name them: the columns, the schemas, the contents of tests and of scenarios. */
import type { Field } from './fields.ts'
import { snakeOf } from './names.ts'

/** A comment that precedes what differs between modules, and the line that ends it, in the files of the example. */
const UUID = '0197a1b2-9d3c-4e4f-8a5b-6c7d8e9f0a1b'
const INSTANT = '2026-01-31T12:00:00.000Z'

type Types = {
  column: (name: string) => string
  schema: (words: string) => string
  /** The type of its values in TypeScript. */
  type: string
  /** An expression of `number`, in the fixture. */
  sample: (name: string) => string
  /** In a scenario of the bench. */
  load: string
}

const TYPES: Record<Field['type'], Types> = {
  text: {
    column: name => `text('${name}')`,
    schema: words =>
      `Text(1, 200, { description: '${words}: 1 to 200 characters', examples: ['Some text'] })`,
    type: 'string',
    sample: name => `\`${name} \${number}\``,
    load: `'Number {{counter}}'`,
  },
  integer: {
    column: name => `integer('${name}')`,
    schema: words =>
      `Type.Integer({ minimum: -2_147_483_648, maximum: 2_147_483_647, description: '${words}: a number of 32 bits', examples: [1] })`,
    type: 'number',
    sample: () => 'number',
    load: '1',
  },
  boolean: {
    column: name => `boolean('${name}')`,
    schema: words => `Type.Boolean({ description: '${words}', examples: [true] })`,
    type: 'boolean',
    sample: () => 'number % 2 === 0',
    load: 'true',
  },
  timestamp: {
    column: name => `instantText('${name}')`,
    schema: () => 'InstantText',
    type: 'string',
    sample: () => 'new Date(number * 1000).toISOString()',
    load: `'${INSTANT}'`,
  },
  uuid: {
    column: name => `uuid('${name}')`,
    schema: () => 'Uuid',
    type: 'string',
    sample: () => `\`00000000-0000-4000-8000-\${String(number).padStart(12, '0')}\``,
    load: `'${UUID}'`,
  },
}

/** Returns a file of the new module with its fields in the place of the example's. */
export function withFields(path: string, text: string, fields: readonly Field[]): string {
  if (path.endsWith('/tables.ts')) return tables(text, fields)
  if (path.endsWith('/schemas.ts')) return schemas(text, fields)
  if (path.endsWith('/fixture.ts')) return fixture(text, fields)
  if (path.startsWith('bench/')) return scenario(text, fields)
  return text
}

/** The columns between the owner and the times. */
function tables(text: string, fields: readonly Field[]): string {
  const columns = fields.map(({ name, type, isNullable }) => {
    return `    ${name}: ${TYPES[type].column(snakeOf(name))}${isNullable ? '' : '.notNull()'},\n`
  })
  const changed = replaceOnce(
    text,
    /(\n {4}ownerId: [\s\S]*?,\n)(?: {4}\w+: [^\n]*,\n)+?(?= {4}createdAt: )/,
    (_, owner) => {
      return owner + columns.join('')
    },
  )
  return withImports(changed, 'drizzle-orm/pg-core', ['boolean', 'integer', 'text', 'uuid']).replace(
    /import \{ instant \} from/,
    /\binstantText\(/.test(changed) ? 'import { instant, instantText } from' : 'import { instant } from',
  )
}

/** The members of `content`. */
function schemas(text: string, fields: readonly Field[]): string {
  const members = fields.map(({ name, type, isNullable }) => {
    const { schema, type: value } = TYPES[type]
    const words = wordsOf(name)
    const plain = schema(words)
    return `  ${name}: ${isNullable ? nullable(plain, value, type) : plain},\n`
  })
  const changed = replaceOnce(text, /(const content = \{\n)[\s\S]*?(\n\}\n)/, (_, open, close) => {
    return open + members.join('').trimEnd() + close
  })
  return withImports(changed, '../../lib/schemas.ts', ['InstantText', 'Text', 'Uuid'])
}

function nullable(schema: string, value: string, type: Field['type']): string {
  const json = type === 'text' || type === 'timestamp' || type === 'uuid' ? 'string' : type
  return `Type.Unsafe<${value} | null>({ ...${schema}, type: ['${json}', 'null'] })`
}

function fixture(text: string, fields: readonly Field[]): string {
  const members = fields.map(({ name, type, isNullable }) => {
    const sample = TYPES[type].sample(wordsOf(name))
    return `${name}: ${isNullable ? `number % 2 === 1 ? ${sample} : null` : sample}`
  })
  return replaceOnce(
    text,
    /(return )\{[^\n]*\}(\n\}\n)/,
    (_, open, close) => `${open}{ ${members.join(', ')} }${close}`,
  )
}

function scenario(text: string, fields: readonly Field[]): string {
  const members = fields.map(
    ({ name, type, isNullable }) => `${name}: ${isNullable ? 'null' : TYPES[type].load}`,
  )
  return text.replaceAll(/\bbody: \{[^}\n]*\{\{[^\n]*\},\n/g, `body: { ${members.join(', ')} },\n`)
}

function replaceOnce(text: string, pattern: RegExp, replace: (...groups: string[]) => string): string {
  if (!pattern.test(text)) throw new Error(`The example is not what this tool expects: ${pattern}`)
  return text.replace(pattern, replace)
}

/** Returns the text with those of the names imported that it uses. */
function withImports(text: string, from: string, names: readonly string[]): string {
  const line = new RegExp(`import \\{ ([^}]*) \\} from '${from.replaceAll('.', '\\.')}'\\n`)
  return replaceOnce(text, line, (all, list = '') => {
    const rest = text.replace(all ?? '', '')
    const others = list.split(', ').filter(name => !names.includes(name))
    const used = names.filter(name => new RegExp(`(?:(?<![.'\\w])|(?<=\\.{3}))${name}\\b`).test(rest))
    return `import { ${[...others, ...used].sort().join(', ')} } from '${from}'\n`
  })
}

function wordsOf(camel: string): string {
  const words = snakeOf(camel).replaceAll('_', ' ')
  return words.slice(0, 1).toUpperCase() + words.slice(1)
}
