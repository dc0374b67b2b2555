/** No shedding of load. */
import fp from 'fastify-plugin'

export const overload = fp(async () => {}, { name: 'overload' })
