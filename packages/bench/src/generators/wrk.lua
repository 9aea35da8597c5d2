-- Sends the requests of a file in turn and counts the answers. Arguments: the file, and how a right answer begins.
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

-- The file has for each request a line with its length in bytes, then the message itself. It is read as it is sent: what
-- a generator holds in memory it takes from the caches of those it measures.
local BUFFER_BYTES = 1048576

function init(args)
  local file = assert(io.open(args[1], "rb"))
  file:setvbuf("full", BUFFER_BYTES)
  local begins = args[2]
  local wanted = #begins
  good, non2xx, wrong, turns = 0, 0, 0, 0

  request = function()
    local length = file:read("*l")
    if length == nil then
      turns = turns + 1
      file:seek("set")
      length = file:read("*l")
    end
    return file:read(tonumber(length))
  end
  response = function(status, _, body)
    if status < 200 or status > 299 then
      non2xx = non2xx + 1
    else
      good = good + 1
      if string.sub(body, 1, wanted) ~= begins then
        wrong = wrong + 1
      end
    end
  end
end

function done(summary, latency)
  local good, non2xx, wrong, turns = 0, 0, 0, 0
  for _, thread in ipairs(threads) do
    good = good + thread:get("good")
    non2xx = non2xx + thread:get("non2xx")
    wrong = wrong + thread:get("wrong")
    turns = turns + thread:get("turns")
  end
  local errors = summary.errors
  io.write(string.format(
    '\n{"requestsPerSecond":%.3f,"requests":%d,"p50":%.3f,"p99":%.3f,"non2xx":%d,"socketErrors":%d,"wrongAnswers":%d,"turns":%d}\n',
    summary.requests / (summary.duration / 1e6), good, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    non2xx, errors.connect + errors.read + errors.write + errors.timeout, wrong, turns))
end
