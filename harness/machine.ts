/** Describes the machine that a benchmark or a report ran on. */
import { availableParallelism, cpus, release, totalmem } from 'node:os'

/** Returns what response times depend on: processor, memory in bytes, kernel and Node.js. */
export function describeMachine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
  }
}
