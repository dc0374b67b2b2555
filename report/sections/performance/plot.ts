/** Plots the latencies of a measured endpoint as a curve of percentiles, rendered as SVG. */
import * as echarts from 'echarts'
import type { Section } from '../../document/document.ts'
import type { Measurement } from '../../document/evidence.ts'
import { escapeHtml } from '../../render/escape.ts'

type Curve = { name: string; points: [number, number][] }

const SIZE = { width: 480, height: 280 }

/** Returns the figure of a measured endpoint; an empty string where the row has no measurement. */
export function renderPlot({ cells: [endpoint = ''], evidence }: Section['rows'][number]): string {
  const curves = evidence.filter(item => item.kind === 'measurement').flatMap(curveOf)
  return curves.length === 0 ? '' : renderFigure(endpoint, curves)
}

function curveOf({ what, percentiles }: Measurement): Curve[] {
  return percentiles ? [{ name: what, points: percentiles }] : []
}

function renderFigure(endpoint: string, curves: readonly Curve[]): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, ...SIZE })
  chart.setOption({
    animation: false,
    // Both are legible on a light and on a dark background, and differ in brightness too.
    color: ['#3987e5', '#c98500'],
    grid: { left: 56, right: 16, top: curves.length > 1 ? 36 : 16, bottom: 40 },
    ...(curves.length > 1 && { legend: { top: 0, textStyle: { color: 'currentColor' } } }),
    xAxis: axis('percentile', {
      type: 'category',
      data: curves[0]?.points.map(([percentile]) => `p${percentile}`),
      boundaryGap: false,
    }),
    yAxis: axis('ms', { type: 'value', min: 0 }),
    series: curves.map(({ name, points }, index) => ({
      name,
      type: 'line',
      symbolSize: 5,
      data: points.map(([, value]) => value),
      lineStyle: { width: 2, type: index === 0 ? 'solid' : 'dashed' },
    })),
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  const figures = curves.map(
    ({ name, points }) => `${name}: ${points.map(([p, ms]) => `p${p} ${ms} ms`).join(', ')}`,
  )
  const label = `Latency percentiles of ${endpoint}. ${figures.join('. ')}`
  return `<figure class="curve">${svg.replace('<svg ', `<svg role="img" aria-label="${escapeHtml(label)}" `)}<figcaption>Latency of ${escapeHtml(endpoint)} by percentile, in ms</figcaption></figure>`
}

function axis(name: string, options: object) {
  return {
    name,
    nameLocation: 'middle',
    nameGap: name === 'ms' ? 40 : 26,
    nameTextStyle: { color: 'currentColor' },
    axisLabel: { color: 'currentColor' },
    axisLine: { lineStyle: { color: 'currentColor' } },
    splitLine: { lineStyle: { color: '#808080', opacity: 0.25 } },
    ...options,
  }
}
