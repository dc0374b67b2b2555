/** Renders the evidence of a row as HTML: exchanges as a table, the rest as a list. */
import type { Evidence, Exchange, Fact, Measurement, ScopeEvidence } from '../document/evidence.ts'
import { escapeHtml } from './escape.ts'

/** Returns the HTML of a row's evidence. */
export function renderEvidence(evidence: readonly Evidence[]): string {
  const exchanges = evidence.filter(item => item.kind === 'exchange')
  const others = evidence.filter(item => item.kind !== 'exchange')
  return `${exchanges.length > 0 ? renderExchanges(exchanges) : ''}${others.length > 0 ? `<ul>${others.map(renderItem).join('')}</ul>` : ''}`
}

function renderExchanges(exchanges: readonly Exchange[]): string {
  const rows = exchanges.map(
    ({ sent, request, status, code, headers, expected, met }) => `<tr class="${metClass(met)}">
<td>${escapeHtml(sent)}</td><td><code>${escapeHtml(request)}</code></td>
<td>${status}${code === undefined ? '' : ` <code>${escapeHtml(code)}</code>`}${renderHeaders(headers)}</td>
<td>${escapeHtml(expected ?? '')}${metWord(met)}</td></tr>`,
  )
  return `<div class="scroll" tabindex="0" role="region" aria-label="Requests and responses"><table>
<thead><tr><th scope="col">Sent</th><th scope="col">Request</th><th scope="col">Response</th><th scope="col">Expected</th></tr></thead>
<tbody>${rows.join('')}</tbody></table></div>`
}

function renderHeaders(headers: Record<string, string> | undefined): string {
  const lines = Object.entries(headers ?? {}).map(
    ([name, value]) => `<code>${escapeHtml(`${name}: ${value}`)}</code>`,
  )
  return lines.length === 0 ? '' : `<br>${lines.join('<br>')}`
}

function renderItem(item: Exclude<Evidence, Exchange>): string {
  if (item.kind === 'source') return `<li>Source: <code>${escapeHtml(item.file)}:${item.line}</code></li>`
  if (item.kind === 'scope') return renderScope(item)
  return item.kind === 'fact' ? renderFact(item) : renderMeasurement(item)
}

function renderFact({ what, value, expected, met }: Fact): string {
  const wanted = expected === undefined ? '' : `; expected: ${escapeHtml(expected)}`
  return `<li class="${metClass(met)}">${escapeHtml(what)}: <code>${escapeHtml(value)}</code>${wanted}${metWord(met)}</li>`
}

function renderScope({ expected, requests, met, routes, methods, statuses, actors }: ScopeEvidence): string {
  const asked = `${routes} routes, ${methods.join(' ')}, by ${actors.join(', ')}; statuses ${statuses.join(' ')}`
  const isMet = met === requests
  return `<li class="${metClass(isMet)}">${escapeHtml(expected)}: <code>${met} of ${requests}</code> responses (${escapeHtml(asked)})${metWord(isMet)}</li>`
}

function renderMeasurement({ what, unit, value, samples, interval, percentiles }: Measurement): string {
  const range = interval ? `, 95 % interval ${number(interval[0])} to ${number(interval[1])}` : ''
  const curve = percentiles?.map(([percentile, at]) => `p${percentile} ${number(at)}`).join(', ')
  const figures = curve === undefined ? `${number(value)} ${unit}${range}` : `${curve} ${unit}`
  return `<li>${escapeHtml(what)}: ${escapeHtml(figures)} (${samples} samples)</li>`
}

function number(value: number): string {
  return String(Number(value.toPrecision(4)))
}

function metClass(met: boolean | undefined): string {
  return met === false ? 'unmet' : ''
}

function metWord(met: boolean | undefined): string {
  return met === undefined ? '' : met ? ' – met' : ' – <strong>not met</strong>'
}
