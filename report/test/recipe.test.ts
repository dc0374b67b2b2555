/** The workflow in the README: what it may do, and that it keeps one comment up to date. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { ROOT } from '../generate.ts'

type Step = { uses?: string; run?: string; env?: Record<string, string>; with?: Record<string, unknown> }
type Workflow = {
  on: unknown
  permissions: unknown
  jobs: Record<'report' | 'comment', { if?: string; permissions: unknown; steps: Step[] }>
}

const readme = readFileSync(join(ROOT, 'report/README.md'), 'utf8')
const [, text = ''] = /```yaml\n([\s\S]*?)\n```/.exec(readme) ?? []
const { on, permissions, jobs } = parse(text) as Workflow

describe('the workflow', () => {
  it('runs for pull requests without secrets, and the code of one only with a token that can read', () => {
    expect(on).toBe('pull_request')
    expect(text).not.toContain('secrets.')
    expect(permissions).toEqual({})
    expect(jobs.report.permissions).toEqual({ contents: 'read' })
    expect(jobs.comment.permissions).toEqual({ 'pull-requests': 'write' })
    expect(jobs.report.steps[0]?.with).toMatchObject({ 'persist-credentials': false })
    expect(jobs.comment.steps.flatMap(({ uses }) => uses ?? [])).toEqual(['actions/download-artifact@v4'])
  })

  it('puts no value of the pull request into a script', () => {
    const scripts = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []))
    expect(scripts.filter(script => script.includes('${{'))).toEqual([])
  })

  it('comments once, and then replaces the text of that comment', async () => {
    const folder = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-recipe-`))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const script = jobs.comment.steps.find(({ run }) => run !== undefined)?.run ?? ''
    // In the place of GitHub: lists the comment that the first call has created.
    const gh = `#!/bin/sh
case "$*" in
  *--method*) echo "$*" >> calls; : > created ;;
  *--jq*) if [ -e created ]; then printf '7\\n8\\n'; fi ;;
esac
`
    writeFileSync(join(folder, 'gh'), gh, { mode: 0o755 })
    writeFileSync(join(folder, 'report.md'), `## Backend Implementation Report\n${'x'.repeat(70_000)}`)
    const env = { PATH: `${folder}:${process.env.PATH}`, REPOSITORY: 'ada/notes', NUMBER: '12' }
    for (const _ of ['first', 'second']) {
      // GitHub runs scripts with these options.
      await promisify(execFile)('bash', ['-e', '-o', 'pipefail', '-c', script], { cwd: folder, env })
    }
    expect(readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n')).toEqual([
      'api --method POST repos/ada/notes/issues/12/comments --field body=@comment.md --silent',
      'api --method PATCH repos/ada/notes/issues/comments/7 --field body=@comment.md --silent',
    ])
    const comment = readFileSync(join(folder, 'comment.md'), 'utf8')
    expect(comment).toMatch(/^<!-- backend-report -->\n## Backend Implementation Report\n/)
    expect(comment.length).toBeLessThan(65_536)
  })
})
