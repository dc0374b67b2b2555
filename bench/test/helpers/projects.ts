/** Which tests of the bench run apart from the others. */

/** They compare times. */
export const TIMED = ['test/cross-check.test.ts', 'test/coordinated-omission.test.ts', 'test/load.test.ts']

/** They install packages: the frameworks, the data layers, another version of the service. */
export const COMPARISONS = [
  'frameworks/test/{servers,command}.test.ts',
  'data-layers/test/servers.test.ts',
  'test/ab.test.ts',
]
