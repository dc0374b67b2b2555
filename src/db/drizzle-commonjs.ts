/** Loads Drizzle's CommonJS build in place of its ES modules, to start 0.4 s sooner and in 190 MB less memory. */
import { registerHooks } from 'node:module'

/**
 * For each of its 500 ES modules Node reads Drizzle's package.json, 180 KB, to learn what kind of file it is, and
 * keeps what it read. Measured on Node 24.21 with drizzle-orm 0.45: 354 MB after loading the app, 165 MB this way.
 * Has to run before anything imports Drizzle; without it everything works the same.
 */
export function preferCommonJsDrizzle(): void {
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const isDrizzle = specifier.startsWith('drizzle-orm')
      return nextResolve(specifier, isDrizzle ? { ...context, conditions: ['require', 'node'] } : context)
    },
  })
}
