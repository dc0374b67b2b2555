/** What the report and the app that it starts agree on. */

/** Opens a line of standard error that says why the app cannot be reported. */
export const FAILURE_MARK = 'backend-report cannot go on: '

/** The variable that allows databases on other machines. */
export const ALLOW_REMOTE = 'BACKEND_REPORT_ALLOW_REMOTE'

/** The variable that marks the processes of one run. */
export const RUN_MARK = 'BACKEND_REPORT_RUN'

/** The exit code of a host that found nothing to start: the module may start only as the main one. */
export const NOTHING_EXPORTED = 75
