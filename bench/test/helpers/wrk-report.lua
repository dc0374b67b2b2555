-- Prints what wrk measured, to more digits than it does by itself. It runs once, after the load.
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\nREPORT {"requests":%d,"seconds":%f,"p50Ms":%f,"p99Ms":%f,"lost":%d,"timeouts":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write, errors.timeout))
end
