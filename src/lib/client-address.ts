/** Normalizes IP addresses, and finds the address of a client behind proxies. */
import { isIP, isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** RFC 7239 §6: a port, which may be obfuscated, follows an IPv4 address or an IPv6 address in brackets. */
const PORT = /:([0-9]{1,5}|_[A-Za-z0-9._-]+)$/

/** RFC 4291 §2.2: the last 32 bits of IPv6 as IPv4. ipaddr.js reads `::192.0.2.1` as if it were `::ffff:192.0.2.1`. */
const DOTTED_END = /([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)$/

/**
 * Returns a function that finds the client of a request: the peer, or, where the peer is one of the `proxies` (addresses and
 * CIDR ranges), the last address of X-Forwarded-For that is not a proxy. The entries before it are the client's own text. An
 * entry that is no address (`unknown`, `_hidden`) ends the search at the proxy that sent it: with a new text for each
 * request, a client could evade its rate limit.
 */
export function createFindClient(proxies: readonly string[]) {
  const ranges = proxies.map(readRange)
  const isProxy = (address: Address) =>
    ranges.some(([range, bits]) => range.kind() === address.kind() && address.match([range, bits] as never))

  return function findClient(peer: string, forwardedFor = ''): string {
    let client = readAddress(peer)
    if (client === undefined) return peer
    const entries = forwardedFor.split(',')
    while (isProxy(client) && entries.length > 0) {
      const entry = (entries.pop() ?? '').trim()
      // RFC 9110 §5.6.1: empty elements of a list are ignored.
      if (entry === '') continue
      const next = readAddress(unwrap(entry))
      if (next === undefined) break
      client = next
    }
    return spell(client)
  }
}

/** Returns the normalized address of a peer: IPv4 where it is mapped into IPv6, else RFC 5952 without a zone. */
export function normalizeAddress(text: string): string {
  if (isIPv4(text)) return text
  const address = readAddress(text)
  return address === undefined ? text : spell(address)
}

/** Returns the address of an entry, without quotes, port and brackets. */
function unwrap(entry: string): string {
  // RFC 9110 §5.6.4: a quoted string, in which a backslash escapes a character.
  const text = /^"(.*)"$/.exec(entry)?.[1]?.replace(/\\(.)/g, '$1') ?? entry
  if (isIP(text) !== 0) return text
  const host = text.replace(PORT, '')
  return /^\[(.*)\]$/.exec(host)?.[1] ?? host
}

/** Parses an address as strictly as Node.js: ipaddr.js alone also accepts `127.1`, hex and octal numbers. */
function readAddress(text: string): Address | undefined {
  if (isIP(text) === 0) return undefined
  // The zone names an interface of the machine that wrote it.
  const [bare = ''] = text.split('%', 1)
  const address = ipaddr.parse(isIPv4(bare) ? bare : bare.replace(DOTTED_END, spellInHex))
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address
}

function spellInHex(_dotted: string, ...bytes: string[]): string {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number)
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}

function spell(address: Address): string {
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString()
}

/** Parses a range. IPv4 written as IPv6 becomes IPv4, as the addresses do that it is compared with. */
function readRange(text: string): [Address, number] {
  const address = ipaddr.parse(text.split('/', 1)[0] ?? '')
  const bits = text.includes('/') ? ipaddr.parseCIDR(text)[1] : address instanceof ipaddr.IPv6 ? 128 : 32
  const isMapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96
  return isMapped ? [address.toIPv4Address(), bits - 96] : [address, bits]
}
