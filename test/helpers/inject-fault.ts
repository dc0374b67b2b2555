/** Loaded into the real process with `--import`: SIGUSR2 throws an error, SIGHUP rejects a promise, without a handler. */
process.on('SIGUSR2', () => {
  throw new Error('injected exception')
})
process.on('SIGHUP', () => {
  Promise.reject(new Error('injected rejection'))
})
