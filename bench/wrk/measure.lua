-- Prints what wrk measured as one line of JSON, after its own report.

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('measured {"requests":%d,"durationUs":%d,"p50Us":%d,"p95Us":%d,"p99Us":%d,"failed":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(95), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
