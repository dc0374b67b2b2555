/** The metrics of the accounts module. */
import type { Metrics } from '../../observability/metrics.ts'
import type { Passwords } from './passwords.ts'

/** Adds gauges for the password hashes that are running and waiting. */
export function observePasswords(
  { observeGauge }: Pick<Metrics, 'observeGauge'>,
  passwords: Passwords,
): void {
  observeGauge('password_hashes_running', 'Password hashes that are being computed', passwords.running)
  observeGauge('password_hashes_waiting', 'Password hashes that wait in the queue', passwords.waiting)
}
