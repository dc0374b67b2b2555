/** Run as a process: how long a password hash takes while every core computes one, in ms, printed as JSON. */
import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'
import { verify } from '@node-rs/argon2'

// The first few pay for pages of memory that the later ones find.
const WARMUPS = 5
const SAMPLES = 15

const [expected = '', password = ''] = process.argv.slice(2)
if (!(await verify(expected, password))) throw new Error('the password does not belong to the hash')

/** All cores at once, as under logins: each hash moves 38 MB, and alone it has the memory's whole bandwidth. */
const times = await Promise.all(Array.from({ length: availableParallelism() }, timeSome))
console.log(JSON.stringify(times.flat()))

async function timeSome(): Promise<number[]> {
  const taken: number[] = []
  for (let i = 0; i < WARMUPS + SAMPLES; i++) {
    const startedAt = performance.now()
    await verify(expected, password)
    if (i >= WARMUPS) taken.push(performance.now() - startedAt)
  }
  return taken
}
