/** Each look-up as a query of its own. */
import type * as original from '../../../src/db/batch.ts'

export const createBatchedFind: typeof original.createBatchedFind = findMany => async id =>
  (await findMany([id]))[0]
