-- SPDX-License-Identifier: Apache-2.0
-- wrk script: each request makes a token, as one of the people whose session
-- cookies are listed in the file named by BENCH_VALUES, in turn.
local cookies = {}
for line in io.lines(os.getenv("BENCH_VALUES")) do
   cookies[#cookies + 1] = line
end

-- Names must be new: the run's start, its noise, and a number.
local run = string.format("%d-%s", os.time(), tostring({}):match("0x(%x+)"))
local number = 0

function request()
   number = number + 1
   return wrk.format("POST", "/postern/api/v1/tokens", {
      ["Cookie"] = cookies[number % #cookies + 1],
      ["Origin"] = string.format("http://%s:%s", wrk.host, wrk.port),
      ["Content-Type"] = "application/json",
   }, string.format('{"name":"made %s-%d"}', run, number))
end

function done(summary, latency)
   io.write(string.format("BENCH %d %d %d %d %d %d %d\n", summary.requests,
      summary.duration, summary.errors.status,
      summary.errors.connect + summary.errors.read + summary.errors.write
      + summary.errors.timeout, latency:percentile(50),
      latency:percentile(99), latency.max))
end
