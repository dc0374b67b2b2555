/** The part of pino that the service's process uses, which writes each line as it comes. */
import { destination as original } from 'pino'

export { pino } from 'pino'

export const destination: typeof original = options =>
  original(typeof options === 'object' ? { ...options, minLength: 0 } : options)
