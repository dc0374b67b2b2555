/** Describes the machine that a report was generated on. */
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import type { Report } from './document.ts'

/** Returns what response times depend on: processor, memory, kernel and Node.js. */
export function describeMachine(): Report['machine'] {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
  }
}
