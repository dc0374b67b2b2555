/** TypeORM, with a schema in place of decorators, which Node.js does not read. */
import { DataSource, EntitySchema } from 'typeorm'
import type { Connect, User } from '../layer.ts'

const UserEntity = new EntitySchema<User>({
  name: 'User',
  tableName: 'users',
  columns: {
    id: { type: 'uuid', primary: true },
    email: { type: 'text' },
    displayName: { type: 'text', name: 'display_name' },
    role: { type: 'text' },
    createdAt: { type: 'timestamptz', name: 'created_at', precision: 3 },
    updatedAt: { type: 'timestamptz', name: 'updated_at', precision: 3 },
  },
})

export const connect: Connect = async ({ url, poolSize }) => {
  const source = new DataSource({ type: 'postgres', url, poolSize, entities: [UserEntity] })
  await source.initialize()
  const users = source.getRepository(UserEntity)
  return {
    findUser: id => users.findOneBy({ id }),
    listUsers(limit, after) {
      const query = users.createQueryBuilder('user')
      if (after) query.where('(user.createdAt, user.id) > (:createdAt, :id)', { ...after })
      return query.orderBy('user.createdAt').addOrderBy('user.id').limit(limit).getMany()
    },
  }
}
