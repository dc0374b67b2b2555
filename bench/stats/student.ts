/** The distributions that intervals are read from: Student's t and the normal. */

/**
 * Returns P(T ≤ t) for Student's t with a whole number of degrees of freedom, by the finite series of Abramowitz &
 * Stegun, Handbook of Mathematical Functions (1964), 26.7.3 and 26.7.4. Exact to rounding.
 */
export function studentCdf(t: number, freedom: number): number {
  const angle = Math.atan(t / Math.sqrt(freedom))
  const cosine = Math.cos(angle)
  const isOdd = freedom % 2 === 1
  let term = isOdd ? cosine : 1
  let sum = freedom === 1 ? 0 : term
  for (let i = isOdd ? 2 : 1; i < freedom - 2; i += 2) {
    term *= (i / (i + 1)) * cosine ** 2
    sum += term
  }
  const within = isOdd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum
  return (1 + within) / 2
}

/** Returns the t below which the share `p` lies. */
export function studentQuantile(p: number, freedom: number): number {
  return invert(t => studentCdf(t, freedom), p, 1e4)
}

/**
 * Returns P(Z ≤ z) for the standard normal: the Taylor series of Abramowitz & Stegun 26.2.11 near the middle, the
 * continued fraction 26.2.14 in the tails. Exact to 1e-12.
 */
export function normalCdf(z: number): number {
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)
  const size = Math.abs(z)
  if (size > 4) {
    let fraction = size
    for (let i = 60; i >= 1; i--) fraction = size + i / fraction
    return z > 0 ? 1 - density / fraction : density / fraction
  }
  let term = z
  let sum = z
  for (let i = 3; Math.abs(term) > 1e-16; i += 2) {
    term *= (z * z) / i
    sum += term
  }
  return 0.5 + density * sum
}

/** Bisection: slow, and cannot go wrong on a function that only rises. */
function invert(rising: (x: number) => number, target: number, bound: number): number {
  let [low, high] = [-bound, bound]
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2
    if (rising(middle) < target) low = middle
    else high = middle
  }
  return (low + high) / 2
}
