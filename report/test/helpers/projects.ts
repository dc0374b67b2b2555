/** Which tests of the report run apart from the others. */

/** They make whole reports of the service. */
export const WHOLE_REPORTS = ['test/live.test.ts', 'test/self-test-live.test.ts']
