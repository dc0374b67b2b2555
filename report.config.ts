/** What the report cannot find out from the routes: how an account becomes an admin. */
import { defineReport } from './report/config.ts'

export default defineReport({
  promote: ({ id }, query) => query(`update users set role = 'admin' where id = $1`, [id]),
})
