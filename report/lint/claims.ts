/** Finds texts that are no statement of a report: placeholders, secrets, hidden characters, and ticks that contradict. */
import { unescapeText, withoutCode } from '../render/escape-markdown.ts'
import { findSecrets } from './secrets.ts'

/** Words that authors leave for later. In lower case they may be of the service's subject, as in a list of todos. */
const UNFINISHED = /\b(?:TODO|FIXME|TBD|TBC|XXX|WIP)\b|\{\{.*?\}\}|\blorem ipsum\b/
const EMPTY =
  /^(?:todo|fixme|tb[dc]|wip|x{2,}|n\/?a|none|null|undefined|nan|unknown|placeholder|change ?me|foo|bar|baz|\?+|-+|\.+|…|_+)$/i

/** A tag or a comment, which a page may run. In a template it is a placeholder. */
const HTML = /(?<!\\)<(?:[A-Za-z/!?])/
const AUTOLINK = /<https?:\/\/[^\s<>]+>/g
const IMAGE = /!\[[^\]]*\]\(/

/** Unicode's control and format characters, among them those that turn the direction of text. */
const HIDDEN = /\p{Cc}|\p{Cf}|\p{Co}|\p{Cs}|\uFFFD/u

/** Returns what is wrong with a text in any place. `source` is its Markdown. */
export function checkText(text: string, source: string): string[] {
  const plain = withoutCode(source)
  const unfinished = UNFINISHED.exec(unescapeText(plain))?.[0] ?? EMPTY.exec(text)?.[0]
  return [
    ...(unfinished === undefined ? [] : [`"${unfinished}" is a placeholder`]),
    ...(HTML.test(plain.replaceAll(AUTOLINK, ''))
      ? ['there is HTML or a placeholder in angle brackets']
      : []),
    ...(IMAGE.test(plain) ? ['there is an image'] : []),
    ...(/~~\S/.test(plain) ? ['there is a text that is struck through'] : []),
    ...(HIDDEN.test(text) ? ['there is an invisible character'] : []),
    ...(/\(not verified(?::?\s*)?\)/.test(text) ? ['"not verified" says why'] : []),
    ...findSecrets(text).map(kind => `there is ${kind}`),
  ]
}

const UNDONE =
  'not (?:yet )?(?:been )?(?:verified|implemented|enforced|tested|checked|working|done|applied|supported|configured|enabled|available|complete|ready|passing|passed|proved|proven|measured|met)'
const FAILED = 'fail(?:s|ed|ing|ure)?|broken|unverified|untested|unimplemented|incomplete'
const LATER =
  'pending|skipped|planned|to do|todo|in progress|work in progress|coming soon|later|partly|partial(?:ly)?'

/** Each is how a text says that something is not so. */
const DENIALS: readonly RegExp[] = [
  new RegExp(`\\b${UNDONE}\\b`, 'i'),
  /\b(?:isn['’]t|aren['’]t|wasn['’]t) (?:yet )?(?:verified|implemented|enforced|tested|working|done)\b/i,
  /\b(?:does not|do not|doesn['’]t|don['’]t) work\b/i,
  // In brackets at any place: "(failed)", "(3 of 7 failed)", "(pending: …)".
  new RegExp(`[([][^)\\]]*\\b(?:${FAILED}|${LATER}|missing|disabled)\\b[^)\\]]*[)\\]]`, 'i'),
  // After a colon or a dash at the end: "Rate limiting: failed".
  new RegExp(`(?::|\\s[–—-])\\s*(?:${FAILED}|${LATER}|missing|disabled|off|none|no|nope)\\.?$`, 'i'),
  new RegExp(`^(?:${FAILED}|${LATER}|missing|disabled)\\s*[:–—-]`, 'i'),
  new RegExp(`^[^:]*\\b(?:${FAILED})\\.?$`, 'i'),
  /\bFAIL(?:ED|S|URE)?\b|[❌✗✘✖⚠🚫🔴]/u,
]

/** A condition under which something fails is not a denial: "The limit holds where Redis fails". */
const CONDITION = /\b(?:when|where|while|if|that|which|after|until|unless|even|before|once)\b/i

/** A tick for a check that asked nothing. */
const NOTHING = /[([](?:on )?0 (?:of (?:\d+ )?)?\p{L}+[)\]]|\bon 0\b/u
const SHARE = /\b(\d+) of (\d+)\b/g

/** Returns what contradicts the box of a measure. */
export function checkBox(text: string, isTicked: boolean): string[] {
  if (!isTicked) {
    return /[([](?:passed|pass|verified|ok)[)\]]/i.test(text)
      ? ['the box is open, and the text says passed']
      : []
  }
  const denial = DENIALS.some((pattern, index) => {
    const isPredicate = index === DENIALS.length - 2
    return pattern.test(text) && !(isPredicate && CONDITION.test(text))
  })
  const impossible = [...text.matchAll(SHARE)].some(([, part, whole]) => Number(part) > Number(whole))
  return [
    ...(denial ? ['a box is ticked whose text says that it failed or was not verified'] : []),
    ...(NOTHING.test(text) ? ['a box is ticked for a check that asked nothing'] : []),
    ...(impossible ? ['a part is larger than its whole'] : []),
  ]
}
