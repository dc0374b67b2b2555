/** A process that stands still: busy with something else, or without a core. */

/** Keeps the event loop from everything else for so many milliseconds. */
export function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}
