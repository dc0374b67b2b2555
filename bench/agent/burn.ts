/** Makes the process it is loaded into slower by a known amount: BENCH_BURN_US microseconds of CPU per request. */
import { subscribe } from 'node:diagnostics_channel'
import { performance } from 'node:perf_hooks'

const BURN_MS = Number(process.env.BENCH_BURN_US ?? 0) / 1000

subscribe('http.server.request.start', () => {
  const until = performance.now() + BURN_MS
  while (performance.now() < until);
})
