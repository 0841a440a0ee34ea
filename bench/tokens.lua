-- SPDX-License-Identifier: Apache-2.0
-- wrk script: each request carries one of the Authorization values listed in
-- the file named by BENCH_VALUES, drawn at random; without it, none.
local values = {}

local path = os.getenv("BENCH_VALUES")
if path then
   for line in io.lines(path) do
      values[#values + 1] = line
   end
end

local seed = 0

function setup(thread)
   seed = seed + 1
   thread:set("id", seed)
end

function init()
   math.randomseed(20261123 + id)
   requests = {}
   for i, value in ipairs(values) do
      requests[i] = wrk.format("GET", "/rest/item/1", {
         ["Host"] = "bench.example", ["Authorization"] = value})
   end
   if #requests == 0 then
      requests[1] = wrk.format("GET", "/rest/item/1", {
         ["Host"] = "bench.example"})
   end
   count = #requests
end

function request()
   if count == 1 then
      return requests[1]
   end
   return requests[math.random(count)]
end

function done(summary, latency)
   io.write(string.format("BENCH %d %d %d %d %d %d %d\n", summary.requests,
      summary.duration, summary.errors.status,
      summary.errors.connect + summary.errors.read + summary.errors.write
      + summary.errors.timeout, latency:percentile(50),
      latency:percentile(99), latency.max))
end
