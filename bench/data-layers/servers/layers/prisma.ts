/** Prisma over its adapter for pg, with statements that are planned once per connection. */
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from '@prisma/client'
import type { Connect } from '../layer.ts'

export const connect: Connect = async ({ url, poolSize }) => {
  const adapter = new PrismaPg(
    { connectionString: url, max: poolSize },
    { statementNameGenerator: createNames() },
  )
  const prisma = new PrismaClient({ adapter })
  await prisma.$connect()
  return {
    findUser: id => prisma.user.findUnique({ where: { id } }),
    listUsers: (limit, after) =>
      prisma.user.findMany({
        // Prisma has no comparison of rows. The first condition alone is what an index can start from.
        ...(after && {
          where: {
            createdAt: { gte: after.createdAt },
            OR: [{ createdAt: { gt: after.createdAt } }, { id: { gt: after.id } }],
          },
        }),
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
        take: limit,
      }),
  }
}

/** Gives every text of a statement a name of its own. */
function createNames(): (query: { sql: string }) => string {
  const names = new Map<string, string>()
  return ({ sql }) => {
    const name = names.get(sql) ?? `prisma_${names.size}`
    names.set(sql, name)
    return name
  }
}
