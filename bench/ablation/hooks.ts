/** Takes hooks out of the app by the names of their functions. */
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import type { AccessClaims } from '../../src/modules/sessions/access-tokens.ts'

type Hook = (...args: never[]) => unknown

/**
 * Puts another function, or none, where a hook of that name is added. Once the app is ready it throws when there was none:
 * a hook that has been renamed would be measured as one that costs nothing.
 */
export function swapHooks(app: FastifyInstance, swaps: Record<string, Hook | undefined>): void {
  const missing = new Set(Object.keys(swaps))
  const addHook = app.addHook as (this: FastifyInstance, event: string, hook: Hook) => FastifyInstance
  function addOtherHook(this: FastifyInstance, event: string, hook: Hook): FastifyInstance {
    if (!Object.hasOwn(swaps, hook.name)) return addHook.call(this, event, hook)
    missing.delete(hook.name)
    const other = swaps[hook.name]
    return other ? addHook.call(this, event, other) : this
  }
  app.addHook = addOtherHook as typeof app.addHook
  addHook.call(app, 'onReady', async () => {
    if (missing.size > 0) throw new Error(`no hook is called ${[...missing].join(' or ')}`)
  })
}

const believed = new Map<string, AccessClaims>()

/** In place of the hook that verifies tokens: reads who calls out of the token. The session may still have ended. */
export function trustToken(
  this: FastifyInstance,
  request: FastifyRequest,
  _reply: FastifyReply,
  done: HookHandlerDoneFunction,
): void {
  const token = request.headers.authorization ?? ''
  const claims = believed.get(token) ?? claimsOf(token)
  believed.set(token, claims)
  request.user = claims
  const isRevoked = this.revocations.isRevoked(claims) === true
  done(isRevoked ? Object.assign(new Error('the session has ended'), { statusCode: 401 }) : undefined)
}

function claimsOf(token: string): AccessClaims {
  const [, payload = ''] = token.split('.')
  return JSON.parse(Buffer.from(payload, 'base64url').toString())
}
