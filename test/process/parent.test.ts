/** A process detects that its parent has ended, also where that was before the process could check. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'

const SCRIPT = `
  import { watchParent } from './src/process/parent.ts'
  const args = watchParent(process.argv.slice(1), () => { console.log('gone'); process.exit() })
  console.log(args.join())
  setTimeout(() => console.log('kept'), 1000)`

/** The output of a process with these arguments. */
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

it('detects another parent than the named one, and only that', async () => {
  const [own, other, unnamed] = await Promise.all([
    run('a', `--parent=${process.pid}`),
    run('a', '--parent=999999999'),
    run('a', 'b'),
  ])
  expect({ own, other, unnamed }).toEqual({ own: 'a\nkept\n', other: 'a\ngone\n', unnamed: 'a,b\nkept\n' })
})

it('treats the first process as the parent of orphans, unless it runs npm scripts', async () => {
  // The first process is an init here. The shell ends, and init becomes the parent of its child.
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
