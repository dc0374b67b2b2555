/** Normalizes the passwords of a body to NFKC: keyboards and systems encode the same text in different ways. */
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { PASSWORD_MAX } from '../../lib/schemas.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The current password of the body before normalization, for hashes from before passwords were normalized. */
    typedPassword: string | undefined
  }
}

/** The members of a body that hold the current password. */
const CURRENT = ['password', 'currentPassword']

/** All members of a body that hold a password. */
const NAMES = [...CURRENT, 'newPassword']

/**
 * The longest text that can be a valid password, in UTF-16 units: NFKC composes at most four characters, of at most two
 * units each, into one. A longer text is not normalized, and validation refuses it for its length. To normalize a letter
 * with n combining marks takes a time proportional to n²: 1.2 s for the 30,000 marks that a body can hold.
 */
const LONGEST_FORM = PASSWORD_MAX * 4 * 2

/** Normalizes the passwords in the bodies of a scope's routes to NFKC before validation (NIST SP 800-63B §3.1.1.2). */
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
      if (CURRENT.includes(name)) request.typedPassword = typed
    }
  }
  done()
}
