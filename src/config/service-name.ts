/** The service's name: the one place in src/ to change it. Any text will do: what only takes some characters encodes it. */

/** For programs: token claims, traces, connections and keys in shared stores. */
export const SERVICE_NAME = 'plumbline'

/** For people. */
export const SERVICE_TITLE = 'Plumbline'

/** The name in small letters, digits and dashes, as URNs ask for (RFC 8141 §2). */
export const SERVICE_ID = SERVICE_NAME.toLowerCase()
  .replaceAll(/[^a-z0-9]+/g, '-')
  .replaceAll(/^-|-$/g, '')
