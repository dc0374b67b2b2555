/** What a document has beside its eight sections: tests, dependencies, error statuses, known issues, folders. */
import { type Static, Type } from '@sinclair/typebox'

const CLOSED = { additionalProperties: false }
const Count = Type.Integer({ minimum: 0 })

const TestsSchema = Type.Object(
  {
    file: Type.String({ description: 'the file that was given' }),
    passed: Count,
    failed: Count,
    skipped: Count,
    files: Count,
    started: Type.Optional(Type.String({ description: 'when the run started: an instant in UTC' })),
    doubt: Type.Optional(Type.String({ description: 'why the results may be of other code' })),
    failures: Type.Array(
      Type.Object({ file: Type.String(), name: Type.String(), message: Type.String() }, CLOSED),
    ),
  },
  { ...CLOSED, description: 'the results of a test run, read from the JSON file of its reporter' },
)

const DependencySchema = Type.Object(
  {
    name: Type.String(),
    kind: Type.Union([Type.Literal('runtime'), Type.Literal('optional'), Type.Literal('development')]),
    version: Type.String({ description: 'the installed version; of a removed dependency the last one' }),
    change: Type.Optional(
      Type.Union([Type.Literal('added'), Type.Literal('removed'), Type.Literal('changed')]),
    ),
    from: Type.Optional(Type.String({ description: 'the version before' })),
  },
  CLOSED,
)

const DependenciesSchema = Type.Object(
  {
    direct: Type.Array(DependencySchema, {
      description: 'the direct dependencies; in a report of a change those that it added, removed or changed',
    }),
    installed: Type.Optional(
      Type.Object(
        { total: Count, added: Type.Optional(Count), removed: Type.Optional(Count) },
        { ...CLOSED, description: 'the packages of the lockfile, with those that others need' },
      ),
    ),
  },
  CLOSED,
)

const StatusesSchema = Type.Object(
  {
    endpoint: Type.String({ description: 'method and path' }),
    documented: Type.Array(Type.Integer(), {
      description: 'the error statuses of the route and of the OpenAPI document',
    }),
    seen: Type.Array(Type.Integer(), { description: 'the error statuses that this run received' }),
  },
  CLOSED,
)

const KnownIssueSchema = Type.Object(
  {
    text: Type.String(),
    file: Type.String(),
    line: Type.Integer({ minimum: 1 }),
  },
  CLOSED,
)

const KnownIssuesSchema = Type.Object(
  {
    stated: Type.Array(KnownIssueSchema, { description: 'from a file of known issues' }),
    comments: Type.Array(KnownIssueSchema, { description: 'TODO, FIXME, HACK and XXX comments' }),
  },
  CLOSED,
)

const FolderSchema = Type.Object(
  {
    path: Type.String({ description: 'with a slash at its end' }),
    purpose: Type.String(),
    file: Type.String({ description: 'the file that states the purpose' }),
  },
  { ...CLOSED, description: 'a folder whose purpose a file states' },
)

/** The fields are optional: an older document and a report without a repository have none. */
export const SUPPLEMENT_FIELDS = {
  description: Type.Optional(Type.String({ description: 'what the app is: from its package.json' })),
  tests: Type.Optional(TestsSchema),
  dependencies: Type.Optional(DependenciesSchema),
  statuses: Type.Optional(Type.Array(StatusesSchema)),
  knownIssues: Type.Optional(KnownIssuesSchema),
  folders: Type.Optional(Type.Array(FolderSchema)),
}

export type Tests = Static<typeof TestsSchema>
export type Dependency = Static<typeof DependencySchema>
export type Dependencies = Static<typeof DependenciesSchema>
export type Statuses = Static<typeof StatusesSchema>
export type KnownIssue = Static<typeof KnownIssueSchema>
export type KnownIssues = Static<typeof KnownIssuesSchema>
export type Folder = Static<typeof FolderSchema>

export type Supplement = {
  description?: string
  tests?: Tests
  dependencies?: Dependencies
  statuses?: Statuses[]
  knownIssues?: KnownIssues
  folders?: Folder[]
}
