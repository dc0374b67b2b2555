/** The variations of a request that a limit must count together. */
import { describe, expect, it } from 'vitest'
import { bodyVariations, emailVariations, mentionsOf, pathVariations } from '../security/variations.ts'

describe('mentionsOf', () => {
  it('finds the headers that a source reads, with the texts beside them', () => {
    const { headers } = mentionsOf(`if (request.headers['x-probe'] === 'internal') return`)
    expect(headers).toContainEqual(['x-probe', 'internal'])
    expect(mentionsOf('const { host } = headers.via').headers).toContainEqual(['via', '1'])
  })

  it('takes each word of a pattern as a value', () => {
    const { headers } = mentionsOf('/uptime|kube-probe/i.test(request.headers["user-agent"])')
    expect(headers).toContainEqual(['user-agent', 'uptime'])
    expect(headers).toContainEqual(['user-agent', 'kube-probe'])
  })

  it('finds the parameters of queries', () => {
    expect(mentionsOf("request.url.includes('?fresh=1')").parameters).toEqual(['fresh'])
    expect(mentionsOf('(request.query as { fast?: string }).fast').parameters).toEqual(['fast'])
  })

  it('leaves out the headers that frame a body', () => {
    expect(mentionsOf("headers['content-length']").headers).toEqual([])
  })
})

describe('variations', () => {
  it('differ from the request', () => {
    const email = 'name@example.com'
    for (const value of Object.values(emailVariations(email))) expect(value).not.toBe(email)
    for (const { path } of pathVariations('/v1/login')) expect(path).not.toBe('/v1/login')
  })

  it('keep the meaning of a body', () => {
    const body = { email: 'name@example.com', password: 'x' }
    const same = bodyVariations(body, 'email', 'other@example.com').slice(0, 3)
    for (const { body: text } of same) expect(JSON.parse(String(text))).toEqual(body)
    const { body: twice } = bodyVariations(body, 'email', 'other@example.com')[3] ?? {}
    expect(JSON.parse(String(twice))).toEqual(body)
  })
})
