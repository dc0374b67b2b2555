/** The log without a line for each request. */
import { AccessLog as Original } from '../../../src/observability/log.ts'

export * from '../../../src/observability/log.ts'

export class AccessLog extends Original {
  override requestCompleted(): void {}
}
