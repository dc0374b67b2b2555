/** A process that runs trials one after the other: `fork(worker.ts, [root, template])`. */
import { messageOf } from '../errors.ts'
import { findTrial } from './list.ts'
import { type FoundRows, runTrial } from './run-trial.ts'
import { createWorkspace } from './workspace.ts'

/** Names a trial; undefined asks for the healthy service. */
export type Order = { run: string | undefined; database: string }

export type Result = { rows: FoundRows } | { error: string }

/** Sent once, when the worker can take orders. */
export type Ready = { folder: string }

const [root = '', template = ''] = process.argv.slice(2)
const workspace = await createWorkspace(root)

process.on('message', async ({ run, database }: Order) => {
  const trial = run === undefined ? { changes: [] } : findTrial(run)
  const result = await runTrial(trial, database, { workspace, template, root }).then(
    (rows): Result => ({ rows }),
    (error): Result => ({ error: messageOf(error) }),
  )
  process.send?.(result)
})
// The services that it has started end with it: their observer ends them when the channel is closed.
process.on('disconnect', () => process.exit(1))
process.send?.({ folder: workspace.folder } satisfies Ready)
