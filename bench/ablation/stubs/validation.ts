/** Validation that lets every path and body pass. Queries are still read: the service needs numbers out of their text. */
import type { FastifyInstance, FastifySchemaCompiler } from 'fastify'
import fp from 'fastify-plugin'
import { validation as original } from '../../../src/http/validation.ts'

export const validation = fp(
  async (app: FastifyInstance) => {
    await app.register(original)
    const compile = app.validatorCompiler as FastifySchemaCompiler<unknown>
    app.setValidatorCompiler(route => (route.httpPart === 'querystring' ? compile(route) : () => true))
  },
  { name: 'no-validation' },
)
