/** What is real, among all that a hostile request makes up. */

/** Access tokens, and values by the name of a parameter or property. */
export type Known = { tokens: string[]; values: Record<string, string[]> & { id: string[] } }
