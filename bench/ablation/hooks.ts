/** Removes hooks, log lines and validation from the app, and believes tokens without verifying them. */
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  FastifySchemaCompiler,
  FastifyServerOptions,
  HookHandlerDoneFunction,
} from 'fastify'

type Hook = (...args: never[]) => unknown
type Claims = FastifyRequest['user']

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

/** Takes out the log lines of each request, and the logger that is made for it. */
export function silenceRequests(app: FastifyInstance, { logController }: FastifyServerOptions): void {
  if (!logController || !('requestCompleted' in logController)) {
    throw new Error('the app has no log controller that writes a line for each request')
  }
  Object.assign(logController, { requestCompleted: () => {} })
  app.setChildLoggerFactory(logger => logger)
}

/** Lets every path and body pass. Queries are still read: the service needs numbers out of their text. */
export function skipValidation(app: FastifyInstance): void {
  swapHooks(app, { refuseUnreadable: undefined })
  const { setValidatorCompiler } = app
  type Compiler = FastifySchemaCompiler<unknown>
  function setOtherCompiler(this: FastifyInstance, compile: Compiler): FastifyInstance {
    const other: Compiler = route => (route.httpPart === 'querystring' ? compile(route) : () => true)
    return setValidatorCompiler.call(this, other as never) as FastifyInstance
  }
  app.setValidatorCompiler = setOtherCompiler as typeof app.setValidatorCompiler
}

const believed = new Map<string, Claims>()

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

function claimsOf(token: string): Claims {
  const [, payload = ''] = token.split('.')
  return JSON.parse(Buffer.from(payload, 'base64url').toString())
}
