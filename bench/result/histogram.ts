/** Latency histograms in whole microseconds, and their form as text. */
import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js'

// 10 min: no timeout allows a longer response. 3 digits: a bucket is at most 0.1 % wide.
const HIGHEST_US = 600_000_000

export type { Histogram }

/** Returns an empty histogram of microseconds up to 10 min with 3 significant digits. */
export function createHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_US,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
  })
}

/** Records a latency given in milliseconds; what is outside the range counts at its edge. */
export function recordMs(histogram: Histogram, ms: number): void {
  histogram.recordValue(Math.min(HIGHEST_US, Math.max(1, Math.round(ms * 1000))))
}

/** Returns the value at `percentile` (0 to 100) in milliseconds. */
export function percentileMs(histogram: Histogram, percentile: number): number {
  return histogram.getValueAtPercentile(percentile) / 1000
}

/** Returns the histogram in HdrHistogram's compressed V2 form, which its tools in every language read. */
export function encodeHistogram(histogram: Histogram): string {
  return encodeIntoCompressedBase64(histogram)
}

/** Returns the sum of encoded histograms: percentiles of rounds must not be averaged, their counts can be added. */
export function mergeHistograms(encoded: readonly string[]): Histogram {
  const sum = createHistogram()
  for (const text of encoded) sum.add(decodeFromCompressedBase64(text, 32))
  return sum
}
