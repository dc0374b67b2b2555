/** Runs in every worker before its first test file: loads Drizzle as the service does. */
import { preferCommonJsDrizzle } from '../../src/db/drizzle-commonjs.ts'

preferCommonJsDrizzle()
