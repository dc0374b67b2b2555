/** Explains in one sentence why an app did not start, without its secrets. */
import { redact } from '../document/redact.ts'
import { FAILURE_MARK } from '../observe/launch.ts'
import { namedSecrets } from './secrets.ts'

const MAX_LENGTH = 300
const PASSWORD_IN_URL = /(\w+:\/\/[^:@\s/]*):[^@\s/]+@/g
const ERROR_LINE = /^\s*(?:Uncaught )?((?:\w*Error|AssertionError)\b.*: .+)$/

/** Returns a sentence from what happened and the app's last output. */
export function whyEnded(what: string, output: string, environment: NodeJS.ProcessEnv): string {
  const lines = output.split('\n').filter(line => line.trim() !== '')
  const own = lines.findLast(line => line.startsWith(FAILURE_MARK))?.slice(FAILURE_MARK.length)
  const text = explain(own ?? lastError(lines) ?? '')
  const isWhole = own !== undefined && /^(the |[A-Z0-9_.:[\]]+ is a database )/.test(own)
  // The report itself ends an app that says why.
  const happened = own === undefined ? what : what.replace(' (SIGKILL)', '')
  const sentence = isWhole ? text : text === '' ? `${happened}, without output` : `${happened}: ${text}`
  const hidden = redact(sentence, namedSecrets(environment)).replaceAll(PASSWORD_IN_URL, '$1:[hidden]@')
  return hidden.length <= MAX_LENGTH ? hidden : `${hidden.slice(0, MAX_LENGTH)}…`
}

/** The last line with an error, else the last line. */
function lastError(lines: readonly string[]): string | undefined {
  const messages = lines.map(messageOfLine)
  const errors = messages.flatMap(({ text, isError }) => (isError ? [text] : []))
  return errors.at(-1) ?? messages.at(-1)?.text
}

function messageOfLine(line: string): { text: string; isError: boolean } {
  const error = ERROR_LINE.exec(line)?.[1]
  if (error !== undefined) return { text: error, isError: true }
  if (!line.startsWith('{')) return { text: line.trim(), isError: false }
  try {
    const entry = JSON.parse(line) as { level?: unknown; msg?: string; err?: { message?: string } } | null
    const text = entry?.err?.message ?? entry?.msg ?? line
    return { text, isError: entry?.err !== undefined || Number(entry?.level) >= 50 }
  } catch {
    return { text: line.trim(), isError: false }
  }
}

function explain(text: string): string {
  const port = /EADDRINUSE.*?:(\d+)\b/.exec(text)?.[1]
  if (port !== undefined) return `port ${port} is taken by another process`
  const missing = /Cannot find (?:package|module) '([^']+)'/.exec(text)?.[1]
  if (missing !== undefined) return `${missing} is not installed or not there (${text.slice(0, 120)})`
  return text
}
