/** Draws the latencies of all measured endpoints on one logarithmic axis, with the figures as text. */
import type { Section } from '../document/document.ts'
import type { Measurement } from '../document/evidence.ts'
import { outcomeOf } from '../document/verdict.ts'
import { escapeHtml } from './escape.ts'

type Spread = { p50: number; p95: number; p99: number }
type Line = { endpoint: string; throughput: string; head: Spread; base: Spread | undefined }
type Scale = { from: number; to: number }

/** Returns a figure; where nothing was measured, a sentence that says why. */
export function renderLatencies(section: Section): string {
  const lines = section.rows.flatMap(lineOf)
  if (lines.length === 0) return renderUnmeasured(section)
  const scale = scaleOf(lines)
  const hasBase = lines.some(({ base }) => base !== undefined)
  const legend = `<span class="key"><i class="range"></i> p50 to p99</span> <span class="key"><i class="dot"></i> p95</span>${hasBase ? ' <span class="key"><i class="range base"></i> before the change</span>' : ''}`
  return `<figure class="latency"><figcaption>Latency in ms, logarithmic <span class="legend">${legend}</span></figcaption>
<ul>${lines.map(line => renderLine(line, scale)).join('\n')}</ul>
<div class="axis" aria-hidden="true">${decadesOf(scale)
    .map(value => `<span style="left:${positionOf(value, scale)}%">${value}</span>`)
    .join('')}</div></figure>`
}

function renderUnmeasured(section: Section): string {
  const unmeasured = section.rows.filter(row => outcomeOf(section, row) === 'not measured')
  const reasons = new Set(
    unmeasured.flatMap(({ evidence }) =>
      evidence.flatMap(item => (item.kind === 'fact' ? [item.value] : [])),
    ),
  )
  const count = unmeasured.length === 1 ? '1 row' : `${unmeasured.length} rows`
  const why = reasons.size === 0 ? '' : `: ${[...reasons].join('; ')}`
  return `<p class="latency empty">Latency was not measured (${count})${escapeHtml(why)}.</p>`
}

function lineOf({ cells: [endpoint = '', , , throughput = ''], evidence }: Section['rows'][number]): Line[] {
  const spreads = evidence.filter(item => item.kind === 'measurement').flatMap(spreadOf)
  const [head, base] = spreads
  return head ? [{ endpoint, throughput, head, base }] : []
}

function spreadOf({ percentiles = [] }: Measurement): Spread[] {
  const at = (wanted: number) => percentiles.find(([percentile]) => percentile === wanted)?.[1]
  const [p50, p95, p99] = [at(50), at(95), at(99)]
  return p50 !== undefined && p95 !== undefined && p50 > 0 ? [{ p50, p95, p99: p99 ?? p95 }] : []
}

/** The axis goes over whole decades. */
function scaleOf(lines: readonly Line[]): Scale {
  const spreads = lines.flatMap(({ head, base }) => (base ? [head, base] : [head]))
  const from = Math.floor(Math.log10(Math.min(...spreads.map(({ p50 }) => p50))))
  const to = Math.ceil(Math.log10(Math.max(...spreads.map(({ p99 }) => p99))))
  return { from, to: Math.max(to, from + 1) }
}

function decadesOf({ from, to }: Scale): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => Number((10 ** (from + index)).toPrecision(1)))
}

function positionOf(value: number, { from, to }: Scale): string {
  return (((Math.log10(value) - from) / (to - from)) * 100).toFixed(1)
}

function renderLine({ endpoint, throughput, head, base }: Line, scale: Scale): string {
  const before = base ? `, before ${figuresOf(base)}` : ''
  const grid = decadesOf(scale)
    .map(value => `<i class="tick" style="left:${positionOf(value, scale)}%"></i>`)
    .join('')
  return `<li><span class="name">${escapeHtml(endpoint)}</span> <span class="figures">${figuresOf(head)}${before} · ${escapeHtml(throughput)}</span>
<span class="track" aria-hidden="true">${grid}${base ? renderSpread(base, scale, ' base') : ''}${renderSpread(head, scale, '')}</span></li>`
}

function figuresOf({ p50, p95, p99 }: Spread): string {
  const figure = (value: number) => Number(value.toPrecision(3))
  return `p50 ${figure(p50)}, p95 ${figure(p95)}, p99 ${figure(p99)}`
}

function renderSpread({ p50, p95, p99 }: Spread, scale: Scale, kind: string): string {
  const [left, right] = [Number(positionOf(p50, scale)), Number(positionOf(p99, scale))]
  return `<i class="range${kind}" style="left:${left}%;width:${Math.max(right - left, 0.5).toFixed(1)}%"></i><i class="dot${kind}" style="left:${positionOf(p95, scale)}%"></i>`
}
