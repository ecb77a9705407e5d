-- Sliding window: a log of the moments at which each unit was spent, oldest first.
--
-- KEYS    one list for each policy, at most `limit` entries of about 10 bytes
-- ARGV    cost (0: look, charge nothing), then limit and window in microseconds for each policy
-- Result  remaining, reset and retry for each policy, flat; times in microseconds, retry 0: admitted
-- Cost    O(log limit) reads to find the oldest live entry; what has expired is cut off in one LTRIM
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cost = tonumber(ARGV[1])
local logs, result, admitted = {}, {}, true

local function moment(key, index)
  return tonumber(redis.call('LINDEX', key, index))
end

-- Index and moment of the oldest entry that is younger than the window; the length when all have expired.
local function oldest_live(key, length, window)
  local oldest = moment(key, 0)
  if length == 0 or oldest + window > now then
    return 0, oldest
  end
  local expired, live = 0, length
  while live - expired > 1 do
    local middle = math.floor((expired + live) / 2)
    local candidate = moment(key, middle)
    if candidate + window > now then
      live, oldest = middle, candidate
    else
      expired = middle
    end
  end
  return live, oldest
end

for i, key in ipairs(KEYS) do
  local limit, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local length = redis.call('LLEN', key)
  local first, oldest = oldest_live(key, length, window)
  local log = {limit = limit, window = window, first = first, used = length - first, reset = 0, retry = 0}
  if log.used > 0 then
    log.reset = oldest + window - now
  end
  local missing = log.used + cost - limit
  if missing > 0 then
    log.retry = moment(key, first + missing - 1) + window - now
    admitted = false
  end
  logs[i] = log
end

for i, key in ipairs(KEYS) do
  local log = logs[i]
  -- One millisecond more than the window: the key must not die before its youngest entry.
  local ttl_ms = log.window / 1000 + 1
  if admitted and cost > 0 then
    if log.first > 0 then
      redis.call('LTRIM', key, log.first, -1)
    end
    local stamp = string.format('%.0f', now)
    for _ = 1, cost do
      redis.call('RPUSH', key, stamp)
    end
    redis.call('PEXPIRE', key, ttl_ms)
    if log.used == 0 then
      log.reset = log.window
    end
    log.used = log.used + cost
  elseif log.retry > 0 and redis.call('PTTL', key) == -1 then
    redis.call('PEXPIRE', key, ttl_ms)
  end
  result[3 * i - 2] = math.max(log.limit - log.used, 0)
  result[3 * i - 1] = log.reset
  result[3 * i] = log.retry
end

return result
