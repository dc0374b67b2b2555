/** The service's name, written nowhere else in src/. It may be any text: it is encoded where only some characters are allowed. */

/** For programs: token claims, traces, connections and keys in shared stores. */
export const SERVICE_NAME = 'plumbline'

/** For people. */
export const SERVICE_TITLE = 'Plumbline'

/** The name in small letters, digits and dashes, as URNs ask for (RFC 8141 §2). */
export const SERVICE_ID = SERVICE_NAME.toLowerCase()
  .replaceAll(/[^a-z0-9]+/g, '-')
  .replaceAll(/^-|-$/g, '')
