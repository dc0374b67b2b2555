/** Where the history of this service's migrations begins. */

/**
 * The commit of the template that this service was made from. No database of the service has applied migrations that
 * were committed up to it. Empty in the template itself; `npm run template -- init` writes it.
 */
export const TEMPLATE_COMMIT: string = ''
