/**
 * Decorators without their syntax, which Node.js does not take: it strips types and compiles nothing. TypeScript turns
 * `@Get() find(@Param() id)` into calls of this kind, so that what NestJS sees is the same, and there is no build.
 */
import 'reflect-metadata'

type Class = abstract new (...args: never[]) => object

/** Applies class decorators, and says which classes or tokens the constructor is given. */
export function decorateClass(target: Class, decorators: ClassDecorator[], parameters: Class[] = []): void {
  Reflect.defineMetadata('design:paramtypes', parameters, target)
  for (const decorate of decorators.toReversed()) decorate(target)
}

/** Applies a method's decorators and those of its parameters, and says the parameters' types. */
export function decorateMethod(
  target: Class,
  name: string,
  decorators: MethodDecorator[],
  parameters: { type: unknown; decorator: ParameterDecorator }[] = [],
): void {
  const { prototype } = target
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name)
  if (!descriptor) throw new Error(`${target.name} has no method ${name}`)
  for (const [index, { decorator }] of parameters.entries()) decorator(prototype, name, index)
  Reflect.defineMetadata(
    'design:paramtypes',
    parameters.map(({ type }) => type),
    prototype,
    name,
  )
  for (const decorate of decorators.toReversed()) decorate(prototype, name, descriptor)
  Object.defineProperty(prototype, name, descriptor)
}

/** Applies a property's decorators. */
export function decorateProperty(target: Class, name: string, decorators: PropertyDecorator[]): void {
  for (const decorate of decorators.toReversed()) decorate(target.prototype, name)
}
