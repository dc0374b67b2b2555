/** What a started process inherits from this one's environment. */

/** Returns enough to run, to write temporary files and to start quickly; nothing that would configure a service. */
export function inheritedEnvironment(): NodeJS.ProcessEnv {
  const { PATH, TMPDIR, NODE_COMPILE_CACHE } = process.env
  return {
    PATH,
    ...(TMPDIR !== undefined && { TMPDIR }),
    ...(NODE_COMPILE_CACHE !== undefined && { NODE_COMPILE_CACHE }),
  }
}

/**
 * Removes the shell's PG* variables from this process. They are about other servers, and drivers take from them what an
 * address leaves out.
 */
export function clearPostgresVariables(): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('PG')) delete process.env[name]
}
