/** A client is one client in every spelling of its address by proxies (P16, P40). */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ipv4, ipv6, noAddress, someSpellings } from '../helpers/addresses.ts'
import { createTestApp, PASSWORD, type TestApp } from '../helpers/app.ts'

/** Requests that one client may send: every run of a property uses an address, or a network, of its own. */
const MAX = 3
const PROXY = '10.0.0.1'

let service: TestApp

beforeAll(async () => {
  service = await createTestApp({
    TRUST_PROXY: '10.0.0.0/8, fd00::/8, ::ffff:192.168.0.0/112',
    RATE_LIMIT_MAX: String(MAX),
    RATE_LIMIT_WINDOW: '1h',
    LOG_LEVEL: 'info',
  })
})
afterAll(() => service.close())

type Sent = { remoteAddress?: string; headers: Record<string, string> }

/** Sends a request, and returns its status and the address in its log line. */
async function send({ remoteAddress = PROXY, headers }: Sent) {
  const { statusCode, headers: answered } = await service.app.inject({
    url: '/.well-known/jwks.json',
    remoteAddress,
    headers,
  })
  const id = String(answered['x-request-id'])
  const line = service.log.findLast(text => text.includes(id)) ?? '{}'
  service.log.length = 0
  return { statusCode, ip: JSON.parse(line).ip as string }
}

/** Sends one request more than a client may: all but the last are allowed. */
async function expectOneClient(requests: Sent[]) {
  const responses = []
  for (const request of requests.slice(0, MAX + 1)) responses.push(await send(request))
  expect(responses.map(({ statusCode }) => statusCode)).toEqual([...Array(MAX).fill(200), 429])
  const addresses = new Set(responses.map(({ ip }) => ip))
  expect([...addresses]).toHaveLength(1)
  return responses[0]?.ip
}

/** A proxy as the peer, and in the header in several spellings. */
const peer = fc.constantFrom(
  PROXY,
  '::ffff:10.0.0.1',
  '::FFFF:a00:1',
  'fd00::1',
  'fd00::1%eth0',
  '192.168.0.7',
)
const innerProxies = fc.array(
  fc.constantFrom(
    '10.9.9.9',
    '10.9.9.9:443',
    '"[fd00::2]:1"',
    '[::ffff:10.1.2.3]',
    ' fd00:0::2 ',
    '192.168.0.1',
  ),
  { maxLength: 3 },
)
/** Headers that clients write themselves, before the first proxy. */
const forged = fc.array(fc.oneof(noAddress, fc.ipV4(), fc.ipV6()), { maxLength: 3 })
const otherHeaders = fc.record(
  {
    forwarded: fc.oneof(
      fc.ipV4().map(address => `for=${address};proto=https`),
      fc.ipV6().map(address => `For="[${address}]:4711", for=_hidden`),
    ),
    'x-real-ip': fc.oneof(fc.ipV4(), fc.ipV6(), noAddress),
  },
  { requiredKeys: [] },
)
const layout = fc.record({ peer, innerProxies, forged, others: otherHeaders })

type Layout = typeof layout extends fc.Arbitrary<infer T> ? T : never

function through({ peer: remoteAddress, innerProxies, forged, others }: Layout, entry: string): Sent {
  const list = [...forged, entry, ...innerProxies].join(',')
  return { remoteAddress, headers: { ...others, 'x-forwarded-for': list } }
}

/** Addresses that no run has used: one IPv6 network is one client. */
const used = new Set<string>()
function isUnused(address: string): boolean {
  const client = address.includes(':') ? networkOf(address) : address
  const isNew = !used.has(client)
  used.add(client)
  return isNew
}

/** The first 64 bits. */
function networkOf(address: string): string {
  const [head = [], tail = []] = address.split('::').map(part => part.split(':').filter(Boolean))
  const zeros = Array(8 - head.length - tail.length).fill('0')
  return [...head, ...zeros, ...tail].slice(0, 4).join(':')
}

describe('P16, P40: behind trusted proxies', () => {
  it.each([
    ['IPv4', ipv4],
    ['IPv6', ipv6],
  ])(
    'an %s address is one client and one address in the log, in every spelling and combination of headers',
    async (_name, spelled) => {
      await fc.assert(
        fc.asyncProperty(
          someSpellings(spelled, MAX + 1),
          fc.array(layout, { minLength: MAX + 1, maxLength: MAX + 1 }),
          async ({ address, spellings }, ways) => {
            if (!isUnused(address)) return
            const requests = ways.map((way, i) => through(way, spellings[i] ?? ''))
            expect(await expectOneClient(requests)).toBe(address)
          },
        ),
        { numRuns: 150, seed: 16 },
      )
    },
  )

  it('every single spelling of an address is that address', async () => {
    for (const { address, spellings } of [
      ...fc.sample(ipv4, { numRuns: 4, seed: 1 }),
      ...fc.sample(ipv6, { numRuns: 4, seed: 1 }),
    ]) {
      for (const spelling of spellings) {
        const { ip } = await send({ headers: { 'x-forwarded-for': spelling } })
        expect(ip, spelling).toBe(address)
      }
    }
  })

  it('texts that are no address all count for the proxy that sent them', async () => {
    let proxies = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(noAddress, { minLength: MAX + 1, maxLength: MAX + 1 }),
        forged,
        async (texts, left) => {
          proxies += 1
          const proxy = `10.1.${proxies >> 8}.${proxies & 255}`
          const requests = texts.map(text => ({
            headers: { 'x-forwarded-for': [...left, text, `${proxy}:443`].join(', ') },
          }))
          expect(await expectOneClient(requests)).toBe(proxy)
        },
      ),
      { numRuns: 100, seed: 16 },
    )
  })
})

describe('P16, P40: a peer that is no trusted proxy', () => {
  it('is the client, not the address that it names, also over IPv6', async () => {
    await fc.assert(
      fc.asyncProperty(
        ipv4,
        fc.array(layout, { minLength: MAX + 1, maxLength: MAX + 1 }),
        async ({ address }, ways) => {
          if (!isUnused(address)) return
          const requests = ways.map((way, i) => ({
            ...through(way, `198.51.100.${i}`),
            remoteAddress: [address, `::ffff:${address}`][i % 2] as string,
          }))
          expect(await expectOneClient(requests)).toBe(address)
        },
      ),
      { numRuns: 50, seed: 16 },
    )
  })
})

describe('P40: audit rows and sessions', () => {
  it('hold the address alone', async () => {
    const patient = await createTestApp({ TRUST_PROXY: '10.0.0.0/8' })
    try {
      const { email, id } = await patient.signUp()
      for (const spelling of [
        '203.0.113.77:42001',
        '"203.0.113.77:1"',
        '::FFFF:203.0.113.77',
        '[::ffff:cb00:714d]:80',
      ]) {
        const login = await patient.app.inject({
          method: 'POST',
          url: '/api/v1/auth/login',
          remoteAddress: PROXY,
          headers: { 'x-forwarded-for': spelling },
          payload: { email, password: PASSWORD },
        })
        expect(login.statusCode).toBe(200)
      }
      const events = await patient.database.query(
        `select distinct ip from audit_events where user_id = $1 and ip <> '127.0.0.1'`,
        [id],
      )
      expect(events.rows).toEqual([{ ip: '203.0.113.77' }])
      const sessions = await patient.database.query(
        `select distinct ip from sessions where user_id = $1 and ip <> '127.0.0.1'`,
        [id],
      )
      expect(sessions.rows).toEqual([{ ip: '203.0.113.77' }])
    } finally {
      await patient.close()
    }
  })
})
