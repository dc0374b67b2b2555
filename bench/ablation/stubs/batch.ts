/** Each look-up as a query of its own. */

type FindMany<Row> = (ids: readonly string[]) => Promise<Row[]>

export function createBatchedFind<Row>(findMany: FindMany<Row>): (id: string) => Promise<Row | undefined> {
  return async id => (await findMany([id]))[0]
}
