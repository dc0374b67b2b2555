/** Generates client addresses in every spelling that a proxy may send, and texts that are no address. */
import fc from 'fast-check'

export type Spelled = { address: string; spellings: string[] }

const port = fc.oneof(
  fc.integer({ min: 0, max: 65_535 }).map(String),
  fc.constantFrom('_hidden', '_SEVKISEK', '_a.b-c'),
)

const octets = fc.tuple(
  fc.integer({ min: 11, max: 126 }),
  fc.integer({ min: 0, max: 255 }),
  fc.integer({ min: 0, max: 255 }),
  fc.integer({ min: 0, max: 255 }),
)

/** Eight groups, many of them zero, outside the ranges of proxies and of IPv4-mapped addresses. */
const groups = fc
  .tuple(
    fc.constantFrom(0x2001, 0x2001, 0x64, 0),
    fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 7, maxLength: 7 }),
  )
  .map(([first, rest]) => [first, ...rest])
  .filter(values => values.slice(0, 5).some(value => value !== 0) || values[5] !== 0xffff)

const hex = (value: number) => value.toString(16)

/** The ways to write eight groups: in full, padded, and with each run of zeros left out in turn. */
function spellGroups(values: number[]): string[] {
  const plain = values.map(hex)
  const forms = [plain.join(':'), plain.map(group => group.padStart(4, '0')).join(':')]
  for (let start = 0; start < 8; start += 1) {
    for (let end = start + 1; end <= 8 && values.slice(start, end).every(value => value === 0); end += 1) {
      forms.push(`${plain.slice(0, start).join(':')}::${plain.slice(end).join(':')}`)
    }
  }
  return [...forms, ...forms.filter(form => !form.endsWith('::')).flatMap(form => dotTheEnd(form, values))]
}

/** The same with its last 32 bits as IPv4, where both of their groups are written out. */
function dotTheEnd(form: string, values: number[]): string[] {
  const [high = 0, low = 0] = values.slice(6)
  const dotted = [high >> 8, high & 255, low >> 8, low & 255].join('.')
  const end = /[0-9a-f]+:[0-9a-f]+$/.exec(form)
  return end ? [form.slice(0, end.index) + dotted] : []
}

/** Upper case, a port, brackets, quotes and spaces around an address. */
function decorate(text: string, at: string): string[] {
  const isV6 = text.includes(':')
  const bracketed = isV6 ? `[${text}]` : text
  return [text, text.toUpperCase(), bracketed, `${bracketed}:${at}`]
    .flatMap(form => [form, `"${form}"`])
    .flatMap(form => [form, `  ${form}\t`])
}

/** An IPv4 address, also as IPv6, in dotted and in hex form. */
export const ipv4: fc.Arbitrary<Spelled> = fc.tuple(octets, port).map(([bytes, at]) => {
  const [a, b, c, d] = bytes
  const mapped = [0, 0, 0, 0, 0, 0xffff, a * 256 + b, c * 256 + d]
  const address = bytes.join('.')
  const forms = [address, `::ffff:${address}`, `0:0:0:0:0:ffff:${address}`, ...spellGroups(mapped)]
  return { address, spellings: forms.flatMap(form => decorate(form, at)) }
})

/** An IPv6 address. WHATWG's URL parser writes it as RFC 5952 asks. */
export const ipv6: fc.Arbitrary<Spelled> = fc.tuple(groups, port).map(([values, at]) => ({
  address: new URL(`http://[${values.map(hex).join(':')}]`).hostname.slice(1, -1),
  spellings: [...spellGroups(values), ...spellGroups(values).map(form => `${form}%eth0`)].flatMap(form =>
    decorate(form, at),
  ),
}))

/** An address and `count` of its spellings: few enough to be read in a counterexample. */
export function someSpellings(spelled: fc.Arbitrary<Spelled>, count: number): fc.Arbitrary<Spelled> {
  const picks = fc.array(fc.nat(), { minLength: count, maxLength: count })
  return fc.tuple(spelled, picks).map(([{ address, spellings }, at]) => ({
    address,
    spellings: at.map(index => spellings[index % spellings.length] ?? address),
  }))
}

/** Texts that are no address: names of RFC 7239, malformed addresses, and any text that a header may have. */
export const noAddress: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    'unknown',
    '"unknown"',
    '_hidden',
    '_gazonk:4711',
    '-',
    'null',
    'localhost',
    '""',
    '[',
    ':',
  ),
  octets.map(([a, b, c, d]) => `${a}.0${b % 8}.${c}.${d}`),
  octets.map(([a, b, c]) => `${a}.${b}.${c}`),
  octets.map(([a, b, c, d]) => `0x${hex(a)}.${b}.${c}.${d}`),
  octets.map(([a, b, c, d]) => `${a}.${b}.${c}.${d}:123456`),
  groups.map(values => `[${values.map(hex).join(':')}:1]`),
  fc.stringMatching(/^[!#-+.-~]{1,40}$/).filter(text => !/[0-9a-f.:]{3}/i.test(text)),
)
