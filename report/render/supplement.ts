/** Renders what a report has beside its eight sections: tests, dependencies, error statuses, known issues. */
import type { Report } from '../document/document.ts'
import type { Dependency, KnownIssue } from '../document/supplement.ts'
import { escapeHtml } from './escape.ts'
import { foldable } from './sections.ts'

export type Part = { id: string; title: string; html: string }

/** Returns the parts in their order. A part without data says what is missing. */
export function renderSupplement(report: Report): Part[] {
  return [
    part('tests', 'Test Results', ...tests(report)),
    part('dependencies', 'Dependencies', ...dependencies(report)),
    part('statuses', 'Error Statuses by Endpoint', ...statuses(report)),
    part('known-issues', 'Known Issues', ...knownIssues(report)),
  ]
}

/** What a part says beside its title, its content, and whether it is folded at first. */
type Content = [counts: string, body: string, isFolded?: boolean]

function part(id: string, title: string, counts: string, body: string, isFolded = false): Part {
  const html = foldable(
    id,
    title,
    `<span class="counts">${escapeHtml(counts)}</span>`,
    body,
    !isFolded,
    'section part',
  )
  return { id, title, html }
}

function tests({ tests: results }: Report): Content {
  if (!results) {
    return ['not given', '<p>No test results were given: <code>--tests &lt;file&gt;</code> reads them.</p>']
  }
  const { passed, failed, skipped, files, file, started, doubt, failures } = results
  const when = started === undefined ? '' : `, started ${started}`
  const warning =
    doubt === undefined ? '' : `<p class="unverified">? Not of this version: ${escapeHtml(doubt)}.</p>`
  const list = failures.map(
    ({ name, file: where, message }) =>
      `<li class="fail">✗ ${escapeHtml(name)} <small><code>${escapeHtml(where)}</code> ${escapeHtml(message)}</small></li>`,
  )
  return [
    `${passed} passed, ${failed} failed, ${skipped} skipped`,
    `<p>${passed} tests passed, ${failed} failed and ${skipped} were skipped, in ${files} files. <small>Read from <code>${escapeHtml(file)}</code>${escapeHtml(when)}.</small></p>${warning}${list.length === 0 ? '' : `<ul class="plain">${list.join('\n')}</ul>`}`,
  ]
}

const KINDS = ['runtime', 'optional', 'development'] as const

function dependencies({ dependencies: found, range: { base } }: Report): Content {
  if (!found) return ['not available', '<p>There is no package.json.</p>']
  const { direct, installed } = found
  const total = installed ? `<p>${describeInstalled(installed)}</p>` : ''
  if (base && direct.length === 0) return ['no change', `<p>No direct dependency changed.</p>${total}`]
  const groups = KINDS.map(kind => ({ kind, own: direct.filter(dependency => dependency.kind === kind) }))
  const lists = groups
    .filter(({ own }) => own.length > 0)
    .map(
      ({ kind, own }) =>
        `<h3>${kind.charAt(0).toUpperCase()}${kind.slice(1)}</h3><ul class="chips">${own.map(renderDependency).join('\n')}</ul>`,
    )
  return [base ? `${direct.length} changed` : `${direct.length} direct`, lists.join('') + total]
}

function renderDependency({ name, version, change, from }: Dependency): string {
  const before = from === undefined ? '' : `${escapeHtml(from)} → `
  const word = change === undefined ? '' : `<b class="${change}">${change}</b> `
  return `<li>${word}<code>${escapeHtml(name)}</code> ${before}${escapeHtml(version)}</li>`
}

function describeInstalled({ total, added, removed }: { total: number; added?: number; removed?: number }) {
  const change = added === undefined ? '' : `: ${added} were added and ${removed} removed`
  return `The lockfile has ${total} packages, with those that others need${change}.`
}

function statuses({ statuses: found }: Report): Content {
  if (!found || found.length === 0) return ['not available', '<p>No endpoint was called.</p>']
  const surprises = found.filter(({ documented, seen }) => seen.some(status => !documented.includes(status)))
  const rows = found.map(({ endpoint, documented, seen }) => {
    const list = seen.map(status =>
      documented.includes(status)
        ? `<span class="status">${status}</span>`
        : `<span class="status unverified">${status}<span class="hidden"> not documented</span></span>`,
    )
    return `<tr><th scope="row"><code>${escapeHtml(endpoint)}</code></th><td>${documented.join(', ') || '–'}</td><td>${list.join(' ') || '–'}</td></tr>`
  })
  return [
    surprises.length === 0 ? 'all documented' : `${surprises.length} with an undocumented status`,
    `<p>Statuses from 400 on: those that the route or the OpenAPI document describes, and those in the evidence of this report. One that is not documented is marked.</p>
<table class="statuses"><thead><tr><th scope="col">Endpoint</th><th scope="col">Documented</th><th scope="col">Received</th></tr></thead><tbody>${rows.join('\n')}</tbody></table>`,
    true,
  ]
}

function knownIssues({ knownIssues: found }: Report): Content {
  if (!found) return ['not available', '<p>The app is not in a git repository.</p>']
  const { stated, comments } = found
  if (stated.length + comments.length === 0) {
    return ['none stated', '<p>There is no KNOWN_ISSUES.md, and no TODO, FIXME, HACK or XXX comment.</p>']
  }
  const list = (title: string, issues: readonly KnownIssue[]) =>
    issues.length === 0 ? '' : `<h3>${title}</h3><ul class="plain">${issues.map(renderIssue).join('\n')}</ul>`
  return [
    `${stated.length} stated, ${comments.length} in comments`,
    list('Stated', stated) + list('In comments', comments),
    true,
  ]
}

function renderIssue({ text, file, line }: KnownIssue): string {
  return `<li>${escapeHtml(text)} <small><code>${escapeHtml(file)}:${line}</code></small></li>`
}
