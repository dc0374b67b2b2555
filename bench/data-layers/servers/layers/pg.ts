/** The driver alone, with named statements: what all others are compared with. */
import pg from 'pg'
import type { Connect, User } from '../layer.ts'

const columns = `id, email, display_name as "displayName", role, created_at as "createdAt", updated_at as "updatedAt"`
const order = 'order by created_at, id limit'

export const connect: Connect = async ({ url, poolSize }) => {
  const pool = new pg.Pool({ connectionString: url, max: poolSize })
  return {
    async findUser(id) {
      const { rows } = await pool.query<User>({
        name: 'find_user',
        text: `select ${columns} from users where id = $1`,
        values: [id],
      })
      return rows[0]
    },
    async listUsers(limit, after) {
      const { rows } = await pool.query<User>(
        after
          ? {
              name: 'list_users_after',
              text: `select ${columns} from users where (created_at, id) > ($1, $2) ${order} $3`,
              values: [after.createdAt, after.id, limit],
            }
          : { name: 'list_users', text: `select ${columns} from users ${order} $1`, values: [limit] },
      )
      return rows
    },
  }
}
