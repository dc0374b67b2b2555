/** What processes that tests start get of this one's environment. */

/** Enough to run, to keep what they write together, and to start quickly; nothing that would configure a service. */
export function bareEnvironment() {
  const { PATH, TMPDIR, NODE_COMPILE_CACHE } = process.env
  return { PATH, TMPDIR, NODE_COMPILE_CACHE }
}
