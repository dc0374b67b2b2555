/** Stands in for the package `fastify` in the service's app, to reach the app before anything is registered in it. */
import Fastify, { type FastifyInstance } from 'fastify'

const steps: ((app: FastifyInstance) => void)[] = []

/** Has every app that is made from now on go through this step first. */
export function prepareApps(step: (app: FastifyInstance) => void): void {
  steps.push(step)
}

/** As Fastify's own. */
export default function createPreparedApp(options: Parameters<typeof Fastify>[0]): FastifyInstance {
  const app = Fastify(options) as unknown as FastifyInstance
  for (const step of steps) step(app)
  return app
}
