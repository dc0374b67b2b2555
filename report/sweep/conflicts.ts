/** Requests that are valid by themselves, and conflict with what is there: the second of two, a taken name, the own account. */
import type { JsonSchema } from '../json-schema.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import { hasBody, isPublic, needsAdmin, parametersOf } from '../routes.ts'
import { claimsOf } from '../security/actors.ts'
import { bodyProperties, IDENTITY } from '../service/roles.ts'
import type { Accounts } from './caller.ts'
import type { Outgoing } from './sample.ts'
import { replaceSegment } from './wrong.ts'

/** Returns functions that make the requests of a valid one. */
export function conflictsOf(
  route: ObservedRoute,
  { actors }: Accounts,
): ((honest: Outgoing) => Promise<Outgoing>)[] {
  if (isPublic(route) || !hasBody(route.method)) return []
  const conflicts: ((honest: Outgoing) => Promise<Outgoing>)[] = []
  const identity = bodyProperties(route).find(name => IDENTITY.test(name))
  if (identity !== undefined && isText((route.schemas.body as JsonSchema).properties?.[identity])) {
    conflicts.push(async honest => {
      const { email } = await actors.user()
      const sent = `the ${identity} of another account`
      return { ...honest, body: { ...(honest.body as object), [identity]: email }, sent }
    })
  }
  const [parameter] = parametersOf(route)
  if (needsAdmin(route) && parameter !== undefined) {
    conflicts.push(async honest => {
      const own = String(claimsOf(honest.token ?? '').sub)
      return {
        ...honest,
        path: replaceSegment(route.url, honest.path, parameter, own),
        sent: 'the own account',
      }
    })
  }
  return conflicts
}

function isText(schema: JsonSchema | undefined): boolean {
  return schema?.type === 'string'
}
