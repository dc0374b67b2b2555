/** The order of the process's end and its exit code, with a fake process that records exits. */
import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createLifecycle } from '../../src/process/lifecycle.ts'
import { until } from '../helpers/until.ts'

/** A process that records its exits instead of ending. */
function createHost(onEnd?: () => void) {
  const exits: number[] = []
  const reasons: string[] = []
  const host = Object.assign(new EventEmitter(), { exit: (code: number) => exits.push(code) as never })
  const lifecycle = createLifecycle({
    host: host as unknown as Pick<NodeJS.Process, 'on' | 'exit'>,
    onEnd({ what }) {
      reasons.push(what)
      onEnd?.()
    },
  })
  const exited = () => until('an exit', () => exits.length > 0)
  return { ...lifecycle, host, exits, reasons, exited }
}

describe('the end of the process', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'])(
    'closes the latest first, one after the other, on %s',
    async signal => {
      const { host, onClose, exited, exits, reasons } = createHost()
      const closed: string[] = []
      onClose(async () => void closed.push('database'))
      onClose(async () => {
        await sleep(20)
        closed.push('listener')
      })
      host.emit(signal)
      // Further signals change nothing.
      host.emit('SIGHUP')
      host.emit('SIGTERM')
      await exited()
      expect(closed).toEqual(['listener', 'database'])
      expect(exits).toEqual([0])
      expect(reasons).toEqual([signal])
    },
  )

  it('waits for a start in progress, and closes what it opened after the signal', async () => {
    const { host, start, onClose, isEnding, exited, exits } = createHost()
    const closed: string[] = []
    const { promise: database, resolve } = Promise.withResolvers<void>()
    start(async () => {
      await database
      onClose(async () => void closed.push('database'))
    })
    host.emit('SIGTERM')
    expect(isEnding()).toBe(true)
    await sleep(20)
    expect(exits).toEqual([])
    resolve()
    await exited()
    expect(closed).toEqual(['database'])
  })

  it('closes the others where closing one fails, and ends with 1', async () => {
    const { host, onClose, exited, exits, reasons } = createHost()
    let isClosed = false
    onClose(async () => {
      isClosed = true
    })
    onClose(() => Promise.reject(new Error('it does not close')))
    host.emit('SIGTERM')
    await exited()
    expect(isClosed).toBe(true)
    expect(exits).toEqual([1])
    expect(reasons).toEqual(['SIGTERM', 'closing failed'])
  })

  it('ends with 1 where the start failed', async () => {
    const { start, end, exits, exited } = createHost()
    const failure = new Error('no database')
    await start(() => Promise.reject(failure)).catch(error => end({ exitCode: 1, what: 'start', error }))
    await exited()
    expect(exits).toEqual([1])
  })

  it('is not delayed where its reason cannot be reported', async () => {
    const { host, exited, exits } = createHost(() => {
      throw new Error('the disk is full')
    })
    host.emit('SIGTERM')
    await exited()
    expect(exits).toEqual([1])
  })

  it('exits with 1 after its time limit', async () => {
    const { host, limit, onClose, exited, exits, reasons } = createHost()
    limit(30)
    onClose(() => new Promise(() => {}))
    host.emit('SIGTERM')
    await exited()
    expect(exits).toEqual([1])
    expect(reasons).toEqual(['SIGTERM', 'shutdown timed out'])
  })

  it('treats any value that was thrown or rejected with as an error', async () => {
    for (const event of ['uncaughtException', 'unhandledRejection']) {
      const { host, exited, exits, reasons } = createHost()
      host.emit(event, undefined)
      await exited()
      expect(exits).toEqual([1])
      expect(reasons).toHaveLength(1)
    }
  })
})
