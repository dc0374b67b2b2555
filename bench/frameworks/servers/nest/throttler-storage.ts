/**
 * Counts requests in fixed windows, as the other servers' limiters do. The throttler's own storage keeps the instant of every
 * hit and looks through them at each: cheap at the limits of production, where a client has a hundred, and thousands of
 * comparisons per request here, where one client sends them all. Such a storage is what NestJS provides for other needs.
 */
import type { ThrottlerStorage } from '@nestjs/throttler'

type Window = {
  hits: number
  endsAt: number
}

export class FixedWindowStorage implements ThrottlerStorage {
  #windows = new Map<string, Window>()
  #sweepAt = 0

  async increment(key: string, ttl: number, limit: number) {
    const now = Date.now()
    if (now >= this.#sweepAt) {
      // Once per ttl, so that clients that went away leave nothing.
      this.#forgetEnded(now)
      this.#sweepAt = now + ttl
    }
    let window = this.#windows.get(key)
    if (!window || now >= window.endsAt) {
      window = { hits: 0, endsAt: now + ttl }
      this.#windows.set(key, window)
    }
    window.hits++
    const seconds = Math.ceil((window.endsAt - now) / 1000)
    const isBlocked = window.hits > limit
    return {
      totalHits: window.hits,
      timeToExpire: seconds,
      isBlocked,
      timeToBlockExpire: isBlocked ? seconds : 0,
    }
  }

  #forgetEnded(now: number): void {
    for (const [key, { endsAt }] of this.#windows) if (now >= endsAt) this.#windows.delete(key)
  }
}
