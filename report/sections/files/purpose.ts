/** Finds the purpose of a file in its opening comment. */

/** Returns the first sentence of the opening comment, or the title of a Markdown file. Undefined where there is none. */
export function purposeOf(path: string, text: string): string | undefined {
  const body = text.replace(/^#!.*\n/, '').trimStart()
  const comment = commentOf(path, body)
  if (comment === undefined) return undefined
  const words = comment.replaceAll(/\s+/g, ' ').trim()
  const sentence = /^.*?[.!?](?= [A-Z`]|$)/.exec(words)?.[0] ?? words
  return sentence.replace(/\.$/, '') || undefined
}

function commentOf(path: string, body: string): string | undefined {
  if (/\.md$/.test(path)) return /^#+ (.+)/.exec(body)?.[1]
  if (/\.sql$/.test(path)) return lines(body, /^--(?!>) ?/)
  if (/\.html?$/.test(path)) return /^<!--([\s\S]*?)-->/.exec(body)?.[1]
  if (/\.(json|lock|png|jpe?g|svg|ico|woff2?)$/.test(path)) return undefined
  if (/\.([cm]?[jt]sx?|css|jsonc)$/.test(path)) {
    const block = /^\/\*\*?([\s\S]*?)\*\//.exec(body)?.[1]
    return block?.replaceAll(/^\s*\*/gm, '') ?? lines(body, /^\/\/ ?/)
  }
  return lines(body, /^# ?/)
}

/** Returns the comment lines at the start, without their marks. */
function lines(body: string, mark: RegExp): string | undefined {
  const all = body.split('\n')
  const end = all.findIndex(line => !mark.test(line))
  const comments = all.slice(0, end === -1 ? all.length : end).map(line => line.replace(mark, ''))
  return comments.length === 0 ? undefined : comments.join(' ')
}
