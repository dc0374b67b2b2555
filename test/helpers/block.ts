/** Blocks this process, as on a machine that is busy with something else. */

/** Blocks the event loop for so many milliseconds. */
export function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}
