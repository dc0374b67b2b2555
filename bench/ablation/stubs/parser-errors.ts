/** No note of the latest answer of each connection. */
import fp from 'fastify-plugin'

export { answerParserError } from '../../../src/plugins/parser-errors.ts'

export const parserErrors = fp(async () => {}, { name: 'parser-errors' })
