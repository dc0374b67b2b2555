/** What is measured: something that responds at an address, and perhaps reports about itself. */

import type { Counters } from './agent/counters.ts'
import type { Datasets } from './load/template.ts'

export type Subject = {
  /** Unlike any other subject's of the run. */
  key: string
  /** How results call it: the service, a git ref or a URL. */
  name: string
  origin: string
  data: Datasets
  /** Reads the counters of the measured process; absent where it is not ours to look into. */
  read?: () => Promise<Counters>
}
