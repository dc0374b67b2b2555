/** A process notices that its parent is gone, also where that was so before it could ask who it was. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'

const SCRIPT = `
  import { watchParent } from './src/process/parent.ts'
  const args = watchParent(process.argv.slice(1), () => { console.log('gone'); process.exit() })
  console.log(args.join())
  setTimeout(() => console.log('kept'), 1000)`

/** What a process prints that is given these arguments. */
async function run(...args: string[]): Promise<string> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  await once(child, 'close')
  return text
}

it('notices another parent than the one that was named, and only that', async () => {
  const [own, other, unnamed] = await Promise.all([
    run('a', `--parent=${process.pid}`),
    run('a', '--parent=999999999'),
    run('a', 'b'),
  ])
  expect({ own, other, unnamed }).toEqual({ own: 'a\nkept\n', other: 'a\ngone\n', unnamed: 'a,b\nkept\n' })
})

it('takes the first process for the one that inherits orphans, unless it runs npm scripts', async () => {
  // Here the first process is some init. The shell ends, and its child is given to it.
  const script = `sleep 0.3; exec "${process.execPath}" --input-type=module -e "$1" a "--parent=1"`
  const child = spawn('sh', ['-c', `sh -c '${script}' sh "$1" & exit`, 'sh', SCRIPT], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  await once(child.stdout, 'close')
  expect(text).toBe('a\ngone\n')
})
