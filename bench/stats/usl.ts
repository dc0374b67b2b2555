/** The Universal Scalability Law: what keeps throughput from growing with concurrency, as two coefficients. */
import { studentQuantile } from './student.ts'
import { sumOf } from './summary.ts'

export type Load = {
  concurrency: number
  throughput: number
}

export type Coefficient = {
  value: number
  standardError: number
  /** 95 %. */
  low: number
  high: number
}

export type Fit = {
  /** Contention: the share of work that only one can do at a time. */
  alpha: Coefficient
  /** Coherency: the cost of keeping each pair in agreement. */
  beta: Coefficient
  /** Throughput of one. */
  gamma: Coefficient
  /** Concurrency of the highest throughput; infinite where beta is 0. */
  peak: number
  /** Standard deviation of the points about the curve. */
  residual: number
}

type Vector = [number, number, number]

/**
 * Returns the least-squares fit of X(N) = γN / (1 + α(N − 1) + βN(N − 1)): N. J. Gunther, Guerrilla Capacity Planning
 * (Springer, 2007), ch. 4 to 6, with γ as a third parameter. Coefficients below 0 have no meaning: such a one is set to 0
 * and the others are fitted again. Undefined with fewer than four points, which leave nothing to judge the fit by.
 */
export function fitUniversalScalability(loads: readonly Load[]): Fit | undefined {
  if (loads.length < 4) return undefined
  const attempts: Vector[] = [
    [1, 1, 1],
    [1, 0, 1],
    [0, 1, 1],
    [0, 0, 1],
  ]
  const fits = attempts
    .map(free => ({ free, at: descend(loads, free) }))
    .filter(({ at }) => at[0] >= 0 && at[1] >= 0)
  const [best] = fits.sort((a, b) => squaredError(loads, a.at) - squaredError(loads, b.at))
  return best && describe(loads, best.at, best.free)
}

/** Returns the law's throughput at a concurrency. */
export function predict({ alpha, beta, gamma }: Fit, concurrency: number): number {
  return law([alpha.value, beta.value, gamma.value], concurrency)
}

function law([alpha, beta, gamma]: Vector, n: number): number {
  return (gamma * n) / (1 + alpha * (n - 1) + beta * n * (n - 1))
}

/** Partial derivatives by α, β and γ; those of parameters that are held are 0. */
function gradient([alpha, beta, gamma]: Vector, n: number, free: Vector): Vector {
  const below = 1 + alpha * (n - 1) + beta * n * (n - 1)
  const whole = (gamma * n) / below
  return [free[0] * ((-whole * (n - 1)) / below), free[1] * ((-whole * n * (n - 1)) / below), n / below]
}

function squaredError(loads: readonly Load[], at: Vector): number {
  return sumOf(loads.map(({ concurrency, throughput }) => (throughput - law(at, concurrency)) ** 2))
}

/** Levenberg's damped Gauss-Newton steps: a step that makes it worse is tried again, shorter. */
function descend(loads: readonly Load[], free: Vector): Vector {
  const perOne = Math.max(...loads.map(({ concurrency, throughput }) => throughput / concurrency))
  let at: Vector = [0.05 * free[0], 0.0005 * free[1], perOne]
  let damping = 1e-3
  for (let i = 0; i < 500 && damping < 1e12; i++) {
    const { normal, slope } = normalEquations(loads, at, free)
    const damped = normal.map((row, r) => row.map((cell, c) => (r === c ? cell * (1 + damping) || 1 : cell)))
    const step = multiply(invert3(damped), slope)
    const next: Vector = [at[0] + step[0], at[1] + step[1], at[2] + step[2]]
    if (squaredError(loads, next) < squaredError(loads, at)) {
      at = next
      damping /= 10
    } else damping *= 10
  }
  return at
}

function normalEquations(loads: readonly Load[], at: Vector, free: Vector) {
  const rows = loads.map(({ concurrency, throughput }) => ({
    gradient: gradient(at, concurrency, free),
    error: throughput - law(at, concurrency),
  }))
  const indexes = [0, 1, 2] as const
  return {
    normal: indexes.map(r => indexes.map(c => sumOf(rows.map(row => row.gradient[r] * row.gradient[c])))),
    slope: indexes.map(r => sumOf(rows.map(row => row.gradient[r] * row.error))),
  }
}

function describe(loads: readonly Load[], at: Vector, free: Vector): Fit {
  const freedom = loads.length - sumOf(free)
  const variance = squaredError(loads, at) / freedom
  const { normal } = normalEquations(loads, at, free)
  const covariance = invert3(normal.map((row, r) => row.map((cell, c) => (r === c ? cell || 1 : cell))))
  const t = studentQuantile(0.975, freedom)
  const coefficient = (i: 0 | 1 | 2): Coefficient => {
    const standardError = free[i] * Math.sqrt(variance * (covariance[i]?.[i] ?? 0))
    return { value: at[i], standardError, low: at[i] - t * standardError, high: at[i] + t * standardError }
  }
  const [alpha, beta] = at
  return {
    alpha: coefficient(0),
    beta: coefficient(1),
    gamma: coefficient(2),
    peak: beta > 0 ? Math.sqrt(Math.max(0, 1 - alpha) / beta) : Number.POSITIVE_INFINITY,
    residual: Math.sqrt(variance),
  }
}

function multiply(matrix: readonly (readonly number[])[], vector: readonly number[]): Vector {
  const row = (r: number): number => sumOf(vector.map((value, c) => value * (matrix[r]?.[c] ?? 0)))
  return [row(0), row(1), row(2)]
}

/** By cofactors: three rows need no library. */
function invert3(m: readonly (readonly number[])[]): number[][] {
  const at = (r: number, c: number): number => m[r % 3]?.[c % 3] ?? 0
  const cofactor = (r: number, c: number): number =>
    at(r + 1, c + 1) * at(r + 2, c + 2) - at(r + 1, c + 2) * at(r + 2, c + 1)
  const determinant = sumOf([0, 1, 2].map(c => at(0, c) * cofactor(0, c)))
  return [0, 1, 2].map(r => [0, 1, 2].map(c => cofactor(c, r) / determinant))
}
