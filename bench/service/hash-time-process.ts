/** Run as a process: how long a password hash takes while every core computes one, in ms, printed as JSON. */
import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'
import { hash, verify } from '@node-rs/argon2'
import { ARGON2ID } from '../../src/modules/accounts/passwords.ts'

// The first few pay for pages of memory that the later ones find.
const warmups = 5
const samples = 15

const password = 'correct horse battery staple'
const expected = await hash(password, ARGON2ID)

/** All cores at once, as under logins: each hash moves 38 MB, and alone it has the memory's whole bandwidth. */
const times = await Promise.all(Array.from({ length: availableParallelism() }, timeSome))
console.log(JSON.stringify(times.flat()))

async function timeSome(): Promise<number[]> {
  const taken: number[] = []
  for (let i = 0; i < warmups + samples; i++) {
    const startedAt = performance.now()
    await verify(expected, password)
    if (i >= warmups) taken.push(performance.now() - startedAt)
  }
  return taken
}
