/** Brings the passwords of a body into one normal form: keyboards and systems write the same text in several. */
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { PASSWORD_MAX } from '../../lib/schemas.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The present password of the body as it came, for hashes that were made of it before there was a normal form. */
    typedPassword: string | undefined
  }
}

const PRESENT = ['password', 'currentPassword']

/** Every name under which a route of this scope takes a password. */
const NAMES = [...PRESENT, 'newPassword']

/**
 * The longest form of the longest password, in UTF-16 units: up to four characters, of two units each, are one in the
 * normal form. A longer text is left as it is, and refused for its length: to put the marks of a letter in order takes a
 * time that grows with the square of their number, 1.2 s for the 30,000 that a body may hold.
 */
const LONGEST_FORM = PASSWORD_MAX * 4 * 2

/** From here on, passwords are validated, counted and compared in NFKC (NIST SP 800-63B §3.1.1.2). */
export function normalizePasswords(scope: FastifyInstance): void {
  scope.addHook('preValidation', normalizeBody)
}

function normalizeBody(request: FastifyRequest, _reply: FastifyReply, done: HookHandlerDoneFunction): void {
  const { body } = request
  if (typeof body === 'object' && body !== null) {
    const members = body as Record<string, unknown>
    for (const name of NAMES) {
      const typed = members[name]
      if (typeof typed !== 'string' || typed.length > LONGEST_FORM) continue
      members[name] = typed.normalize('NFKC')
      if (PRESENT.includes(name)) request.typedPassword = typed
    }
  }
  done()
}
