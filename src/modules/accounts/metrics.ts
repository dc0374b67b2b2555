/** The metrics of the accounts module. */
import type { Metrics } from '../../observability/metrics.ts'
import type { Passwords } from './passwords.ts'

export function observePasswords(
  { observeGauge }: Pick<Metrics, 'observeGauge'>,
  passwords: Passwords,
): void {
  observeGauge('password_hashes_running', 'Password hashes being computed', passwords.running)
  observeGauge('password_hashes_waiting', 'Password hashes waiting for their turn', passwords.waiting)
}
