/** The existing values that generated requests use besides invented ones. */

/** Valid access tokens, and existing values by the name of a parameter or property. */
export type Known = { tokens: string[]; values: Record<string, string[]> & { id: string[] } }
