/** Runs in every worker before its first test file: loads what the service loads, as the service does. */
import { preferCommonJsDrizzle } from '../../src/db/drizzle-commonjs.ts'

preferCommonJsDrizzle()
