/** The log without a line for each request. */
import { AccessLog as Original } from '../../../src/lib/log.ts'

export * from '../../../src/lib/log.ts'

export class AccessLog extends Original {
  override requestCompleted(): void {}
}
