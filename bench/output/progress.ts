/** Shows what runs and how long is left: a bar on a terminal, a line now and then elsewhere. */
import { Presets, SingleBar } from 'cli-progress'
import type { OnProgress } from '../measure.ts'

export type Progress = {
  update: OnProgress
  stop: () => void
}

/** Returns a display on the error stream, so that the table can be piped; `totalSeconds` is what the plan takes. */
export function createProgress(totalSeconds: number, stream: NodeJS.WriteStream = process.stderr): Progress {
  return stream.isTTY ? createBar(totalSeconds, stream) : createLines(totalSeconds, stream)
}

function createBar(totalSeconds: number, stream: NodeJS.WriteStream): Progress {
  const format = ' {bar} {left} s left · {label}'
  const bar = new SingleBar({ format, stream, hideCursor: true, clearOnComplete: true }, Presets.shades_grey)
  let base = 0
  let updatedAt = Date.now()
  let label = ''
  const draw = (): void => {
    const done = Math.min(totalSeconds, base + (Date.now() - updatedAt) / 1000)
    bar.update(done, { label, left: Math.ceil(totalSeconds - done) })
  }
  bar.start(totalSeconds, 0, { label: '', left: Math.ceil(totalSeconds) })
  // The plan moves in steps of seconds; the bar keeps time between them.
  const timer = setInterval(draw, 250)
  return {
    update: (nextLabel, secondsDone) => {
      ;[label, base, updatedAt] = [nextLabel, secondsDone, Date.now()]
      draw()
    },
    stop: () => {
      clearInterval(timer)
      bar.stop()
    },
  }
}

/** A log is read later: at most some thirty lines a run, and none in a row within two seconds. */
function createLines(totalSeconds: number, stream: NodeJS.WriteStream): Progress {
  const pauseMs = Math.max(2000, (totalSeconds * 1000) / 30)
  let writtenAt = Number.NEGATIVE_INFINITY
  return {
    update: (label, secondsDone) => {
      if (performance.now() - writtenAt < pauseMs) return
      writtenAt = performance.now()
      const left = Math.ceil(Math.max(0, totalSeconds - secondsDone))
      stream.write(`${label} (about ${left} s left)\n`)
    },
    stop: () => {},
  }
}
