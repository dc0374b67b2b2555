/** Asks the agent of a process for its counters: used by the bench, and by a process that leads workers. */
import type { ChildProcess } from 'node:child_process'
import { RunError } from '../../harness/errors.ts'
import type { Counters, Question } from './counters.ts'

/** Returns the counters of a process that has the agent; rejects with a RunError where it is gone, or dies first. */
export function askAgent(child: ChildProcess, question: Question, name: string): Promise<Counters> {
  const { promise, resolve, reject } = Promise.withResolvers<Counters>()
  const settle = (act: () => void): void => {
    child.off('message', onMessage)
    child.off('exit', onExit)
    act()
  }
  // Workers have messages of their own on this channel.
  const onMessage = (message: Partial<Counters>): void => {
    if (message.loopActiveMs !== undefined) settle(() => resolve(message as Counters))
  }
  const onExit = (): void => settle(() => reject(new RunError(`${name} died`)))
  child.on('message', onMessage)
  child.on('exit', onExit)
  if (child.connected) child.send(question)
  else onExit()
  return promise
}
