/** Replaces the package `fastify` in the service's app, so that a variant can change the app before its plugins. */
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'

type Step = (app: FastifyInstance, options: FastifyServerOptions) => void

const steps: Step[] = []

/** Has every app that is made from now on go through this step first. */
export function prepareApps(step: Step): void {
  steps.push(step)
}

/** As Fastify's own. */
export default function createPreparedApp(options: FastifyServerOptions): FastifyInstance {
  const app = Fastify(options)
  for (const step of steps) step(app, options)
  return app
}
