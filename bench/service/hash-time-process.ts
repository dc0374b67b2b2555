/** Run as a process: how long one password hash takes that has a core to itself, in ms, printed as JSON. */
import { performance } from 'node:perf_hooks'
import { hash, verify } from '@node-rs/argon2'
import { ARGON2ID } from '../../src/modules/auth/passwords.ts'

// The first few pay for pages of memory that the later ones find.
const warmups = 5
const samples = 40

const password = 'correct horse battery staple'
const expected = await hash(password, ARGON2ID)
const times: number[] = []
for (let i = 0; i < warmups + samples; i++) {
  const startedAt = performance.now()
  await verify(expected, password)
  if (i >= warmups) times.push(performance.now() - startedAt)
}
console.log(JSON.stringify(times))
