/** Loaded into the real process with `--import`: SIGUSR2 throws where nobody catches, SIGHUP rejects unheard. */
process.on('SIGUSR2', () => {
  throw new Error('injected exception')
})
process.on('SIGHUP', () => {
  Promise.reject(new Error('injected rejection'))
})
