-- Sends the requests of a file in turn and counts the answers. Arguments: the file, and how a right answer begins.
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

-- For each request a line with its length in bytes, then the message itself.
local function readRequests(name)
  local file = assert(io.open(name, "rb"))
  local requests = {}
  for line in file:lines() do
    table.insert(requests, file:read(tonumber(line)))
  end
  file:close()
  return requests
end

function init(args)
  local begins = args[2]
  local wanted = #begins
  local prepared = readRequests(args[1])
  local turn = 0
  good, non2xx, wrong, turns = 0, 0, 0, 0

  request = function()
    if turn == #prepared then
      turn = 0
      turns = turns + 1
    end
    turn = turn + 1
    return prepared[turn]
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
