/** Draws the middleware stack as a pipeline of boxes that wraps to any width, each with the statuses that it sends. */
import type { Section } from '../document/document.ts'
import { NONE } from '../sections/form.ts'
import { escapeHtml } from './escape.ts'

/** Returns the list of stages, from the request to the response. */
export function renderPipeline({ rows }: Section): string {
  const stages = rows.map(({ cells: [label = '', statuses = ''] }) => renderStage(label, statuses))
  return `<ol class="pipeline" aria-label="The stages of a request">
<li class="end"><b>Request</b></li>
${stages.join('\n')}
<li class="end"><b>Response</b></li>
</ol>`
}

const CHANGES: Record<string, { name: string; word: string }> = {
  '+': { name: 'added', word: 'added: ' },
  '-': { name: 'removed', word: 'removed: ' },
}

function renderStage(label: string, statuses: string): string {
  const change = CHANGES[label.charAt(0)]
  const list = statuses === NONE ? [] : statuses.split(', ')
  const chips = list.map(status => `<span class="status">${escapeHtml(status)}</span>`).join(' ')
  const word = change ? `<span class="hidden">${change.word}</span>` : ''
  return `<li${change ? ` class="${change.name}"` : ''}>${word}<b>${escapeHtml(label)}</b>${chips === '' ? '' : `<span class="sends"><span class="hidden">sends </span>${chips}</span>`}</li>`
}
