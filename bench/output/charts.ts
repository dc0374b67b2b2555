/** The charts of the page: a result's figures as SVG, drawn by echarts without a browser. */
import * as echarts from 'echarts'
import type { ScenarioComparison } from '../compare.ts'
import { wholeHistogram } from '../result/figures.ts'
import { percentileMs } from '../result/histogram.ts'
import type { ScenarioResult, Sweep } from '../result/schema.ts'
import { predict } from '../stats/usl.ts'
import { fitSweep } from '../sweep.ts'

type Options = echarts.EChartsOption

/** Stands for the colour of the text, in a page that may be light or dark. */
const INK = '#010203'

// Okabe & Ito's colours (2008), which people of every colour vision tell apart, less the two that vanish on white or black.
const PALETTE = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#d55e00', '#56b4e9', '#8a8a8a']

const WIDTH = 900
const HEIGHT = 380

const PERCENTILES = [50, 75, 90, 95, 99, 99.9, 100]

/** Returns the latency of each scenario by percentile, logarithmic. */
export function percentileChart(scenarios: readonly ScenarioResult[]): string {
  return draw({
    legend: legend(),
    xAxis: {
      ...axis('percentile'),
      type: 'category',
      data: PERCENTILES.map(p => (p === 100 ? 'max' : `p${p}`)),
    },
    yAxis: { ...axis('ms'), ...ON_TOP, type: 'log' },
    series: scenarios.map(scenario => {
      const histogram = wholeHistogram(scenario.rounds)
      return { type: 'line', name: scenario.name, data: PERCENTILES.map(p => percentileMs(histogram, p)) }
    }),
  })
}

/** Returns the responses per second of each scenario over the time of the run. */
export function timelineChart(scenarios: readonly ScenarioResult[]): string {
  const begin = Math.min(...scenarios.flatMap(scenario => scenario.rounds.map(round => round.startedAt)))
  return draw({
    legend: legend(),
    xAxis: { ...axis('seconds'), type: 'value' },
    yAxis: { ...axis('responses/s'), ...ON_TOP, type: 'value' },
    series: scenarios.map(scenario => ({
      type: 'line',
      name: scenario.name,
      symbolSize: 3,
      // Rounds of other scenarios lie between: a line across them would show responses that were never sent.
      connectNulls: false,
      data: scenario.rounds.flatMap(round => roundPoints(round, begin)),
    })),
  })
}

/** Returns latency against throughput for a sweep by rate; throughput and its fitted law for one by connections. */
export function sweepChart(sweep: Sweep): string {
  return sweep.by === 'rate' ? latencyCurve(sweep) : scalabilityCurve(sweep)
}

/** Returns the ratio and its interval for each judged metric; 1 is no difference. */
export function ratioChart(comparisons: readonly ScenarioComparison[]): string {
  const rows = comparisons
    .flatMap(({ scenario, metrics }) =>
      metrics.flatMap(({ metric, ratio }) => (ratio ? [{ label: `${scenario}, ${metric}`, ratio }] : [])),
    )
    .reverse()
  return draw(
    {
      xAxis: { ...axis('second over first, with 95 % interval'), type: 'value', scale: true },
      yAxis: { ...axis(''), type: 'category', data: rows.map(row => row.label) },
      grid: { left: 10, right: 40, top: 10, bottom: 40, containLabel: true },
      series: [
        ...rows.map(
          ({ ratio }, i): echarts.SeriesOption => ({
            type: 'line',
            symbol: 'none',
            color: PALETTE[0] ?? INK,
            lineStyle: { width: 3 },
            data: [
              [ratio.interval.low, i],
              [ratio.interval.high, i],
            ],
          }),
        ),
        {
          type: 'scatter',
          symbolSize: 11,
          color: PALETTE[4] ?? INK,
          data: rows.map(({ ratio }, i) => [ratio.estimate, i]),
          markLine: line({ xAxis: 1 }),
        },
      ],
    },
    80 + rows.length * 28,
  )
}

function latencyCurve(sweep: Sweep): string {
  const steps = sweep.steps.filter(step => step.measurement.void === undefined)
  const curve = (p: number): [number, number][] =>
    steps.map(({ measurement }) => [measurement.rate, percentileMs(wholeHistogram([measurement]), p)])
  const wanted = [...new Set([50, sweep.slo?.percentile ?? 95, 99])]
  return draw({
    legend: legend(),
    xAxis: { ...axis('responses/s'), type: 'value' },
    yAxis: { ...axis('ms'), ...ON_TOP, type: 'log' },
    series: wanted.map((p, i) => ({
      type: 'line',
      name: `p${p}`,
      data: curve(p),
      ...(i === 0 && sweep.slo && { markLine: line({ yAxis: sweep.slo.ms }) }),
    })),
  })
}

function scalabilityCurve(sweep: Sweep): string {
  const last = Math.max(...sweep.steps.map(step => step.level))
  const fit = fitSweep(sweep)
  const fitted = Array.from({ length: 60 }, (_, i) => 1 + (i * (last - 1)) / 59)
  return draw({
    legend: legend(),
    xAxis: { ...axis('connections'), type: 'value' },
    yAxis: { ...axis('responses/s'), ...ON_TOP, type: 'value', min: 0 },
    series: [
      {
        type: 'scatter',
        name: 'measured',
        data: sweep.steps.map(step => [step.level, step.measurement.rate]),
      },
      ...(fit
        ? [
            {
              type: 'line' as const,
              name: 'Universal Scalability Law',
              showSymbol: false,
              data: fitted.map(n => [n, predict(fit, n)]),
            },
          ]
        : []),
    ],
  })
}

function roundPoints(round: ScenarioResult['rounds'][number], begin: number): (number | null)[][] {
  const { bucketMs, counts } = round.timeline
  const offset = round.startedAt - begin
  // The last bucket is cut off by the end of the window.
  const whole = counts.slice(0, Math.max(1, Math.floor((round.seconds * 1000) / bucketMs)))
  const points = whole.map((count, i) => [(offset + i * bucketMs) / 1000, (count * 1000) / bucketMs])
  return [...points, [(offset + whole.length * bucketMs) / 1000, null]]
}

function draw(options: Options, tall = HEIGHT): string {
  const names = [options.series ?? []].flat().flatMap(({ name }) => (name === undefined ? [] : String(name)))
  const lower = (legendRows(names) - 1) * LEGEND_ROW_PX
  const size = { width: WIDTH, height: tall + lower }
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, ...size })
  const grid = { left: 10, right: 40, top: 50 + lower, bottom: 40, containLabel: true }
  chart.setOption({
    animation: false,
    backgroundColor: 'transparent',
    color: PALETTE,
    grid,
    textStyle: { color: INK },
    ...options,
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
    .replaceAll(INK, 'currentColor')
    .replaceAll('rgb(1,2,3)', 'currentColor')
    .replace(/^<svg width="\d+" height="\d+"/, '<svg')
}

/** Beside a vertical axis a name would lie across its numbers. */
const ON_TOP = { nameLocation: 'end' as const, nameGap: 12 }

function axis(name: string) {
  const text = { color: INK }
  return {
    name,
    nameLocation: 'middle' as const,
    nameGap: 30,
    nameTextStyle: text,
    axisLabel: text,
    axisLine: { lineStyle: { color: INK, opacity: 0.5 } },
    splitLine: { lineStyle: { color: INK, opacity: 0.12 } },
  }
}

/** Of the legend: a row, and of an entry its line and gap, and a character at most. */
const LEGEND_ROW_PX = 24
const LEGEND_ENTRY_PX = 45
const LEGEND_CHARACTER_PX = 7.5

/** Returns how many rows the names take at most: echarts wraps them, and draws them over what lies below. */
function legendRows(names: readonly string[]): number {
  let rows = 1
  let used = 0
  for (const name of names) {
    const entry = LEGEND_ENTRY_PX + name.length * LEGEND_CHARACTER_PX
    if (used > 0 && used + entry > WIDTH) {
      rows++
      used = 0
    }
    used += entry
  }
  return rows
}

function legend() {
  return { textStyle: { color: INK }, top: 0 }
}

function line(at: { xAxis: number } | { yAxis: number }) {
  return {
    symbol: 'none',
    silent: true,
    data: [at],
    label: { show: false },
    lineStyle: { color: INK, type: 'dashed' as const },
  }
}
