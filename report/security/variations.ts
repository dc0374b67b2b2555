/** Requests that differ in what a client controls and mean the same: a limit must count them together. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A change of a request, in words. */
export type Variation = {
  sent: string
  method?: string
  path?: string
  headers?: Record<string, string>
  body?: string | Record<string, unknown>
}

const ADDRESS = '203.0.113.7'

/** Headers by which proxies, platforms and frameworks are told who a client is, or that it is trusted. */
const HEADERS: Record<string, string> = {
  'x-forwarded-for': ADDRESS,
  'x-real-ip': ADDRESS,
  forwarded: `for=${ADDRESS}`,
  'cf-connecting-ip': ADDRESS,
  'true-client-ip': ADDRESS,
  'fastly-client-ip': ADDRESS,
  'fly-client-ip': ADDRESS,
  'x-client-ip': ADDRESS,
  'x-cluster-client-ip': ADDRESS,
  'x-originating-ip': ADDRESS,
  'x-remote-addr': ADDRESS,
  'x-forwarded-host': 'other.report.test',
  'x-forwarded-proto': 'https',
  'x-envoy-external-address': ADDRESS,
  via: '1.1 proxy.report.test',
  'user-agent': 'report/1.0',
  cookie: 'session=report; sid=report',
  origin: 'https://other.report.test',
  referer: 'https://other.report.test/',
  host: 'other.report.test',
  'accept-language': 'de',
  accept: 'application/xml',
  'accept-encoding': 'identity',
  'cache-control': 'no-cache',
  'x-request-id': 'report-0123456789',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'x-requested-with': 'XMLHttpRequest',
  'x-csrf-token': 'report',
  'x-api-key': 'report',
  'x-internal': '1',
  'x-internal-request': '1',
  'x-no-limit': '1',
  'x-ratelimit-bypass': '1',
  'x-test': '1',
  'x-debug': '1',
  'x-admin': '1',
  'x-health-check': '1',
  'x-tenant-id': 'report',
  'x-user-id': 'report',
  'x-client-id': 'report',
  'x-device-id': 'report',
}

/** Programs that are often let through: monitors, probes and search engines. */
const AGENTS = [
  'kube-probe/1.30',
  'ELB-HealthChecker/2.0',
  'GoogleHC/1.0',
  'UptimeRobot/2.0 Pingdom/1.0 StatusCake monitor',
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  'curl/8.14.1',
  'Prometheus/3.0.0',
]

const PARAMETERS = [
  'nocache',
  'cache',
  '_',
  't',
  'debug',
  'test',
  'bypass',
  'internal',
  'admin',
  'token',
  'key',
  'page',
]

/** Returns the headers, one for each request. `known` are names and values that the app's source mentions. */
export function headerVariations(known: readonly [name: string, value: string][] = []): Variation[] {
  const all = [...Object.entries(HEADERS), ...AGENTS.map(agent => ['user-agent', agent] as const), ...known]
  return all.map(([name, value]) => ({ sent: `another ${name}`, headers: { [name]: value } }))
}

/** Returns the path with a query, one parameter for each request. */
export function queryVariations(path: string, known: readonly string[] = []): Variation[] {
  const names = [...new Set([...PARAMETERS, ...known])]
  return names.map(name => ({ sent: `a parameter ${name}`, path: `${path}?${name}=1` }))
}

/** Returns other spellings of a path. */
export function pathVariations(path: string): Variation[] {
  const encoded = path.replace(/[a-z](?=[^/]*$)/, letter => `%${letter.charCodeAt(0).toString(16)}`)
  const spellings = {
    'the path in capitals': path.toUpperCase(),
    'the path with a slash at its end': `${path}/`,
    'the path with two slashes': path.replace(/\/([^/]*)$/, '//$1'),
    'the path with an encoded letter': encoded,
    'the path with a parameter of its own': `${path};report=1`,
    'the path through its own folder': path.replace(/\/([^/]*)$/, '/./$1'),
    'the path with an empty query': `${path}?`,
  }
  return Object.entries(spellings).map(([sent, spelled]) => ({ sent, path: spelled }))
}

/** Returns other spellings of an e-mail address that a mailbox, or a comparison, may take for the same. */
export function emailVariations(email: string): Record<string, string> {
  const [local = '', domain = ''] = email.split('@')
  const wide = String.fromCodePoint((local.codePointAt(0) ?? 0) + 0xfee0)
  return {
    'the address in capitals': email.toUpperCase(),
    'the address with a capital': email[0]?.toUpperCase() + email.slice(1),
    'the domain in capitals': `${local}@${domain.toUpperCase()}`,
    'the address after a space': ` ${email}`,
    'the address before a space': `${email} `,
    'the address before a line end': `${email}\n`,
    'the address with a dot at its end': `${email}.`,
    'the address with a full-width letter': `${wide}${email.slice(1)}`,
    'the address with an invisible letter': `${local}\u200b@${domain}`,
    'the address in quotes': `"${local}"@${domain}`,
  }
}

/** Returns other texts of one JSON body, in which `name` is the field of the account. `other` is another account. */
export function bodyVariations(body: Record<string, unknown>, name: string, other: string): Variation[] {
  const json = JSON.stringify(body)
  const value = String(body[name])
  const [first = ''] = value
  const escaped = `\\u${first.charCodeAt(0).toString(16).padStart(4, '0')}${value.slice(1)}`
  return [
    { sent: 'a body with spaces and lines', body: JSON.stringify(body, undefined, 4) },
    {
      sent: 'the fields in another order',
      body: JSON.stringify(Object.fromEntries(Object.entries(body).reverse())),
    },
    { sent: 'the address with an escaped letter', body: json.replace(value, escaped) },
    { sent: 'the address twice, another one first', body: `{"${name}":"${other}",${json.slice(1)}` },
    { sent: 'the address twice, another one last', body: `${json.slice(0, -1)},"${name}":"${other}"}` },
    { sent: 'a list of addresses', body: { ...body, [name]: [value, other] } },
    { sent: 'an unknown field', body: { ...body, reportUnknown: 1 } },
    { sent: 'a content type with a charset', headers: { 'content-type': 'application/json; charset=utf-8' } },
  ]
}

/** What a source file mentions about requests: names of headers with texts beside them, and names of parameters. */
export type Mentioned = { headers: [name: string, value: string][]; parameters: string[] }

const HEADER_NAME = /headers\)?(?:\??\.(\w+)|(?:\?\.)?\[['"`]([\w-]+)['"`]\])/gi
const QUOTED_NAME = /['"`](x-[\w-]+)['"`]/gi
const PARAMETER_NAME = /[?&]([\w-]+)=|query\s*(?:as [^)]*\))?\)?\??\.(\w+)/g
const TEXT = /['"`]([^'"`\s]{1,40})['"`]|\/([\w| .-]{2,80})\//g

/** Returns what a text mentions. Each text on the line of a header's name is a value for it. */
export function mentionsOf(source: string): Mentioned {
  const headers: Mentioned['headers'] = []
  const parameters: string[] = []
  for (const line of source.split('\n')) {
    const names = [...line.matchAll(HEADER_NAME), ...line.matchAll(QUOTED_NAME)].map(
      ([, name, quoted]) => name ?? quoted ?? '',
    )
    const texts = [...line.matchAll(TEXT)].flatMap(([, text, words = '']) => text ?? words.split('|'))
    for (const name of new Set(names.map(known => known.toLowerCase()))) {
      if (NOT_VARIED.has(name)) continue
      const values = texts.filter(text => text.toLowerCase() !== name && /^[\x20-\x7e]+$/.test(text))
      for (const value of new Set(['1', 'true', ...values])) headers.push([name, value])
    }
    parameters.push(...[...line.matchAll(PARAMETER_NAME)].flatMap(([, a, b]) => a ?? b ?? []))
  }
  return { headers, parameters: [...new Set(parameters)] }
}

/** Another value of these is another request, or none that a server could read. */
const NOT_VARIED = new Set([
  'content-length',
  'content-type',
  'content-encoding',
  'transfer-encoding',
  'connection',
  'expect',
  'upgrade',
  'te',
])

const SOURCE = /\.[cm]?[jt]sx?$/
const MAX_HEADERS = 200

/** Returns what the source files beside the app's module mention. */
export function readMentioned(root: string, module: string): Mentioned {
  const [folder = ''] = module.includes('/') ? module.split('/', 1) : ['']
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  const sources = files.filter(
    file => SOURCE.test(file) && !/(^|\/)(node_modules|tests?|dist|\.\w+)\//.test(file),
  )
  const all = sources.sort().map(file => mentionsOf(readFileSync(join(root, folder, file), 'utf8')))
  const unique = new Map(all.flatMap(({ headers }) => headers).map(pair => [pair.join(': '), pair]))
  return {
    headers: [...unique.values()].slice(0, MAX_HEADERS),
    parameters: [...new Set(all.flatMap(({ parameters }) => parameters))].slice(0, MAX_HEADERS),
  }
}
