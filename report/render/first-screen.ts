/** The first screen of the page: what the service is, the verdict in numbers, what did not pass, and the latencies. */
import type { Report, Section } from '../document/document.ts'
import { OUTCOMES, type Outcome, reasonOf, rowsWith, verdictOf } from '../document/verdict.ts'
import { escapeHtml } from './escape.ts'
import { renderLatencies } from './latency.ts'
import { MARKS } from './marks.ts'

type Anchors = ReadonlyMap<Section['rows'][number], string>

export function renderFirstScreen(report: Report, anchors: Anchors): string {
  const { feature, description, sections } = report
  const performance = sections.find(({ id }) => id === 'performance')
  return `<header>
<div class="about">
<p class="kind">Backend Implementation Report</p>
<h1>${escapeHtml(feature)}</h1>
${description === undefined ? '' : `<p class="what">${escapeHtml(description)}</p>`}
<p class="facts">${factsOf(report).map(escapeHtml).join(' · ')}</p>
<h2 class="hidden">Verdict</h2>
${renderVerdict(report)}
${renderList(report, 'failed', anchors)}
${renderList(report, 'not verified', anchors)}
<p class="origin">${escapeHtml(describeOrigin(report))}</p>
</div>
${performance ? renderLatencies(performance) : ''}
</header>`
}

function factsOf({ date, range: { head, base }, sections }: Report): string[] {
  const name = (version: typeof head) =>
    `${version.commit?.slice(0, 10) ?? 'no commit'}${version.ref === undefined ? '' : ` (${version.ref})`}`
  const state = head.dirty ? ', with changes that are not committed' : ''
  const range = base ? `Change from ${name(base)} to ${name(head)}${state}` : `Version ${name(head)}${state}`
  const stack = sections.find(({ id }) => id === 'stack')?.rows ?? []
  const main = stack
    .filter(({ cells: [component = ''] }) => ['Runtime', 'Framework', 'Database'].includes(component))
    .map(({ cells: [, technology, version] }) => `${technology} ${version}`)
  return [date, range, ...main]
}

function describeOrigin({ machine, module }: Report): string {
  const memory = `${Math.round(machine.memoryBytes / 2 ** 30)} GiB`
  return `Started from ${module} on ${machine.cores} × ${machine.cpu}, ${memory}, kernel ${machine.kernel}, Node.js ${machine.node}. Every row was read, checked or measured in this run.`
}

function renderVerdict({ sections }: Report): string {
  const verdict = verdictOf(sections)
  const items = OUTCOMES.map(outcome => {
    const { mark, name, word } = MARKS[outcome]
    const count = verdict[outcome]
    return `<li class="${count > 0 ? name : 'none'}"><b>${count}</b> <span><span aria-hidden="true">${mark}</span> ${word.toLowerCase()}</span></li>`
  })
  const bar = OUTCOMES.filter(outcome => verdict[outcome] > 0).map(
    outcome => `<i class="${MARKS[outcome].name}" style="flex-grow:${verdict[outcome]}"></i>`,
  )
  return `<ul class="verdict">${items.join('')}</ul>
<div class="bar" aria-hidden="true">${bar.join('')}</div>`
}

/** More rows than these are counted. The sections have all of them. */
const MAX_LISTED = 8

function renderList(
  report: Report,
  outcome: Outcome & ('failed' | 'not verified'),
  anchors: Anchors,
): string {
  const found = rowsWith(report, outcome)
  if (found.length === 0) return outcome === 'failed' ? '<p class="all pass">Nothing failed.</p>' : ''
  const { name, word } = MARKS[outcome]
  const items = found.slice(0, MAX_LISTED).map(({ section, row }) => {
    const reason = reasonOf(row)
    return `<li><a href="#${anchors.get(row)}">${escapeHtml(titleOf(section, row))}</a> <small>${escapeHtml(section.title)}${reason === undefined ? '' : `: ${escapeHtml(shorten(reason))}`}</small></li>`
  })
  const more = found.length - MAX_LISTED
  return `<section class="findings ${name}"><h2>${word}</h2><ul>${items.join('\n')}${more > 0 ? `<li>and ${more} more, in the sections below</li>` : ''}</ul></section>`
}

/** The cells of an endpoint's key are two: its method and its path. */
function titleOf({ id }: Section, { cells: [first = '', second = ''] }: Section['rows'][number]): string {
  return id === 'endpoints' || id === 'stack' ? `${first} ${second}` : first
}

const MAX_REASON_LENGTH = 160

function shorten(text: string): string {
  return text.length <= MAX_REASON_LENGTH ? text : `${text.slice(0, MAX_REASON_LENGTH)}…`
}
