/** A trial: one change of the service, and the rows of the report that must turn because of it. */

/** Replaces `from`, which the file must contain exactly once, by `to`. */
export type Edit = { file: string; from: string; to: string }

/** Adds a file. Its text may depend on other files of the repository. */
export type Addition = { add: string; text: string | ((read: (file: string) => string) => string) }

/** Removes a file or a folder. */
export type Removal = { remove: string }

export type Change = Edit | Addition | Removal

export type Trial = {
  /** A sentence that says what is wrong, or what is different. */
  name: string
  /** What the table counts it under. */
  kind: string
  changes: readonly Change[]
  /** SQL on the migrated database, before the service starts. */
  sql?: string
  /** Whether the changes add migrations, which have to be applied. */
  migrates?: boolean
  /** Settings that differ from those of the healthy service. */
  environment?: NodeJS.ProcessEnv
  /** A text that has another form in the changed service: it counts as the same in the ids and texts of its rows. */
  renames?: readonly { from: string; to: string }[]
  /** Rows as `section/id` that must fail, or become not verified. `a|b` means one of the two. */
  turns: readonly string[]
  /** Rows that must have another text, appear or go. */
  changed?: readonly string[]
  /** Rows that may turn too, because the same fault shows in them. `*` at the end stands for any rest. */
  also?: readonly string[]
}

/** Returns a change of one place. */
export const edit = (file: string, from: string, to: string): Edit => ({ file, from, to })

/** Returns a change that adds text before a place. */
export const before = (file: string, place: string, text: string): Edit => ({
  file,
  from: place,
  to: text + place,
})

/** Returns a change that adds text after a place. */
export const after = (file: string, place: string, text: string): Edit => ({
  file,
  from: place,
  to: place + text,
})
