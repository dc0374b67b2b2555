/** Where this report runs: in the repository of the reference service, or as a package beside the app that it reports. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The package comes without the service. */
const IS_PACKAGE = !existsSync(new URL('../../src/app.ts', import.meta.url))

/** The folder of the reference service; undefined in the package. */
export const REFERENCE_ROOT = IS_PACKAGE ? undefined : fileURLToPath(new URL('../..', import.meta.url))

/** How a person calls the command, with a place for its options. */
export const COMMAND = IS_PACKAGE ? 'backend-report' : 'npm run report --'

/** The folder of the documents, from the current folder. */
export const DEFAULT_OUT = IS_PACKAGE ? 'backend-report' : 'report/out'
