/** Names of services, modules and fields: which are valid, and the forms in which code, SQL and prose write them. */

/** PostgreSQL adds suffixes to a table's name, and cuts names at 63 bytes. */
const MAX_NAME = 30

const KEBAB = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/
const CAMEL = /^[a-z][a-zA-Z0-9]*$/
const TITLE = /^[\p{L}\p{N}][\p{L}\p{N} .+-]*$/u

/** ECMAScript's reserved words in modules, TypeScript's names of types, and globals that a variable must not hide. */
const RESERVED_WORDS = `
  abstract any arguments as asserts async await bigint boolean break case catch class const constructor continue
  debugger declare default delete do else enum eval export extends false finally for from function get global if
  implements import in infer infinity instanceof interface is keyof let module namespace nan never new null number
  object of package private protected prototype public readonly require return satisfies set static string super
  switch symbol this throw true try type typeof undefined unique unknown var void while with yield`

/** The reserved words of PostgreSQL 18 (its documentation, Appendix C), and the types that columns have. */
const SQL_KEYWORDS = `
  all analyse analyze and any array as asc asymmetric authorization bigint binary bit boolean both case cast char
  character check coalesce collate collation column concurrently constraint create cross current_catalog
  current_date current_role current_schema current_time current_timestamp current_user date decimal default
  deferrable desc distinct do else end except exists extract false fetch float for foreign freeze from full grant
  greatest group having ilike in initially inner inout insert int integer intersect interval into is isnull join
  json lateral leading least left like limit localtime localtimestamp natural none not notnull null nullif numeric
  offset on only or order out outer overlaps placing position primary precision real references returning right row
  select session_user setof similar smallint some substring symmetric system_user table tablesample text then time
  timestamp to trailing treat trim true union unique update user using uuid values varchar variadic verbose view
  when where window with xml`

/** Folders and paths that have a meaning of their own. */
const RESERVED_PLACES = `
  api app auth aux con config db dist docs graphql health http index lib lpt1 metrics modules node nul openapi
  package prn process server shared src template test tests trpc`

const words = (text: string) => new Set(text.trim().split(/\s+/))
const LANGUAGE = words(RESERVED_WORDS)
const SQL = words(SQL_KEYWORDS)
const PLACES = words(RESERVED_PLACES)

/** One name in every form: `purchaseOrders`, `PurchaseOrders`, `purchase_orders`, `PURCHASE_ORDERS`, `purchase orders`. */
export type Forms = {
  kebab: string
  camel: string
  pascal: string
  snake: string
  upper: string
  words: string
}

/** Returns the forms of a name in kebab case. */
export function formsOf(kebab: string): Forms {
  const parts = kebab.split('-')
  const pascal = parts.map(capitalize).join('')
  return {
    kebab,
    camel: uncapitalize(pascal),
    pascal,
    snake: parts.join('_'),
    upper: parts.join('_').toUpperCase(),
    words: parts.join(' '),
  }
}

/** Words whose plural is the singular with an `s`, though other words with this ending lose more, or nothing. */
const PLAIN_PLURALS = /(?<=(?:^|-)(?:cache|calorie|cookie|headache|movie|pie|selfie|tie))s$/

/** Words that are singular and plural. */
const UNCHANGED = /(?:^|-)(?:series|species|news|as|is|its)$/

/** Returns the name of one of many: `purchase-order`. Where English has no other word, it ends in `-item`. */
export function singularOf(plural: string): string {
  const singular = UNCHANGED.test(plural) ? plural : withoutEnding(plural)
  if (singular === plural) return `${plural}-item`
  return isPlain(singular) ? singular : `${singular}-item`
}

/** Returns a title for people: `Orders API`. */
export function titleOf(kebab: string): string {
  return capitalize(kebab.replaceAll('-', ' ').replaceAll(/\bapi\b/g, 'API'))
}

/** Returns what is wrong with a service's or module's name, in one line, or undefined. */
export function problemWithName(name: string): string | undefined {
  if (name === '') return 'The name is empty.'
  if (!KEBAB.test(name)) {
    return `${quote(name)} is not a valid name: use small letters and digits, in words joined by single dashes, such as purchase-orders.`
  }
  if (name.length > MAX_NAME) return `${quote(name)} is too long: a name has at most ${MAX_NAME} characters.`
  const { camel, snake } = formsOf(name)
  if (LANGUAGE.has(camel)) return `${quote(name)} is a reserved word of TypeScript.`
  if (SQL.has(snake)) return `${quote(name)} is a keyword of SQL.`
  if (PLACES.has(name)) return `${quote(name)} has a meaning of its own in this repository.`
  return undefined
}

/** Returns what is wrong with a service's title, in one line, or undefined. */
export function problemWithTitle(title: string): string | undefined {
  if (TITLE.test(title) && title.length <= 60 && title === title.trim()) return undefined
  return `${quote(title)} is not a valid title: use 1 to 60 letters, digits, spaces and the characters . + -`
}

/** Returns what is wrong with the name of a field, in one line, or undefined. */
export function problemWithField(name: string): string | undefined {
  if (!CAMEL.test(name)) {
    return `${quote(name)} is not a valid field: use a letter, then letters and digits, such as dueAt.`
  }
  if (name.length > MAX_NAME) return `${quote(name)} is too long: a field has at most ${MAX_NAME} characters.`
  if (LANGUAGE.has(name.toLowerCase())) return `${quote(name)} is a reserved word of TypeScript.`
  if (SQL.has(snakeOf(name))) return `${quote(name)} is a keyword of SQL.`
  if (name in Object.prototype) return `${quote(name)} is a property of every object.`
  return undefined
}

/** Returns a field's name as its column: `due_at`. */
export function snakeOf(camel: string): string {
  return camel.replaceAll(/(?<=[a-z0-9])[A-Z]|[A-Z](?=[a-z])/g, letter => `_${letter}`).toLowerCase()
}

/** Returns the text so that it stays on one line, with nothing that a terminal would act on. */
export function quote(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text
  return JSON.stringify(short).replaceAll(/[^\x20-\x7e…]/g, character => {
    return `\\u{${character.codePointAt(0)?.toString(16)}}`
  })
}

function withoutEnding(plural: string): string {
  if (PLAIN_PLURALS.test(plural)) return plural.slice(0, -1)
  return plural
    .replace(/(?<=[a-z0-9])ies$/, 'y')
    .replace(/(?<=ss|x|ch|sh|bus|[aeo]tus|irus)es$|(?<![su])(?<=[a-z0-9])s$/, '')
}

function isPlain(singular: string): boolean {
  return KEBAB.test(singular) && !LANGUAGE.has(formsOf(singular).camel)
}

function capitalize(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}

function uncapitalize(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1)
}
