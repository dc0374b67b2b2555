/** `new`: makes a module from the example. */
import { withFields } from './contents.ts'
import { EXAMPLE, readExample } from './example.ts'
import type { Field } from './fields.ts'
import { generate } from './migrations.ts'
import { addToIndex, INDEX, placesOfModule, readModules, tablesOf } from './modules.ts'
import { formsOf, quote, singularOf } from './names.ts'
import type { Staging } from './staging.ts'
import { identifiersOf, type Names, namesOf, translatePath, translateSource } from './translate.ts'

/** Returns what keeps a valid name from being a module's, in one line, or undefined. */
export async function problemWithModule(staging: Staging, name: string): Promise<string | undefined> {
  const modules = await readModules(staging.root)
  if (modules.some(module => module.name === name)) return `There is a module ${name} already.`
  const place = placesOfModule(name).find(staging.has)
  if (place !== undefined) return `${quote(name)} is taken: there is ${place} already.`
  if (staging.has(name)) return `${quote(name)} is a folder of this repository.`
  const { camel, pascal, snake, upper } = formsOf(name)
  const owner = modules.find(module => tablesOf(staging, module.name).includes(snake))
  if (owner) return `The module ${owner.name} has a table ${snake} already.`
  const used = usedIdentifiers(staging)
  const taken = [camel, pascal, upper].find(form => used.has(form) || form in globalThis)
  if (taken) return `${quote(name)} is taken: the code that is copied uses the name ${taken}.`
  const operation = findClash(staging, chooseNames(staging, name))
  return operation && `${quote(name)} is taken: the API has an operation ${operation}.`
}

/** Makes the module in the copy: its files, its line in the list, and its migration. */
export async function addModule(
  staging: Staging,
  { name, fields }: { name: string; fields: readonly Field[] },
): Promise<void> {
  const from = namesOf(EXAMPLE)
  const to = chooseNames(staging, name)
  for (const [path, text] of readExample(staging)) {
    const own = translatePath(path, from, to)
    const translated = translateSource(text.replace(': the example to copy', ''), from, to)
    staging.write(own, fields.length > 0 ? withFields(own, translated, fields) : translated)
  }
  staging.edit(INDEX, text => addToIndex(text, name))
  await generate(staging, [`--name=create_${to.plural.snake}`])
}

/** Where the plain singular would hide another name, it ends in "item". */
function chooseNames(staging: Staging, name: string): Names {
  const names = namesOf(name)
  const used = usedIdentifiers(staging)
  const { camel, pascal } = names.singular
  const isTaken =
    [camel, pascal].some(form => used.has(form) || form in globalThis) || findClash(staging, names)
  return isTaken ? namesOf(name, `${singularOf(name)}-item`) : names
}

/** Returns the first operation that both the new module and another one would have: their names are unique in the API. */
export function findClash(files: Pick<Staging, 'has' | 'list' | 'read'>, names: Names): string | undefined {
  const routes = [...readExample(files)].filter(([path]) => path.endsWith('/routes.ts'))
  const own = routes.flatMap(([, text]) => operationsOf(translateSource(text, namesOf(EXAMPLE), names)))
  const sources = files.list().filter(path => path.startsWith('src/modules/') && path.endsWith('.ts'))
  const others = new Set(sources.flatMap(path => operationsOf(files.read(path))))
  return own.find(operation => others.has(operation))
}

/** Returns the names of handlers, which are those of the operations. */
function operationsOf(text: string): string[] {
  return [...text.matchAll(/\basync function (\w+)\(request\b/g)].map(([, name = '']) => name)
}

function usedIdentifiers(staging: Staging): Set<string> {
  const files = [...readExample(staging)].filter(([path]) => path.endsWith('.ts'))
  return new Set(files.flatMap(([, text]) => [...identifiersOf(text)]))
}
