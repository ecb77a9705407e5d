-- Sliding window: a log of the moments at which each unit was spent, oldest first.
--
-- KEYS    one list for each policy, at most `limit` entries of about 10 bytes
-- ARGV    cost (0: look, charge nothing), then limit and window in microseconds for each policy
-- Result  remaining, reset and retry for each policy, flat; times in microseconds, retry 0: admitted
-- Cost    O(log limit) reads to find the oldest live entry; what has expired is cut off in one LTRIM
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cost = tonumber(ARGV[1])
local first, live, result, admitted = {}, {}, {}, true

local function moment(key, index)
  return tonumber(redis.call('LINDEX', key, index))
end

-- Index of the oldest entry that is younger than the window; `length` when all have expired.
local function oldest_live(key, length, window)
  if length == 0 or moment(key, 0) + window > now then
    return 0
  end
  local expired, unknown = 0, length
  while unknown - expired > 1 do
    local middle = math.floor((expired + unknown) / 2)
    if moment(key, middle) + window > now then
      unknown = middle
    else
      expired = middle
    end
  end
  return unknown
end

for i, key in ipairs(KEYS) do
  local limit, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local length = redis.call('LLEN', key)
  first[i] = oldest_live(key, length, window)
  live[i] = length - first[i]
  if live[i] + cost > limit then
    admitted = false
  end
end

for i, key in ipairs(KEYS) do
  local limit, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local reset, retry = 0, 0
  if live[i] > 0 then
    reset = moment(key, first[i]) + window - now
  end
  local missing = live[i] + cost - limit
  if missing > 0 then
    retry = moment(key, first[i] + missing - 1) + window - now
    if redis.call('PTTL', key) == -1 then
      redis.call('PEXPIRE', key, window / 1000 + 1)
    end
  elseif admitted and cost > 0 then
    if first[i] > 0 then
      redis.call('LTRIM', key, first[i], -1)
    end
    local stamp = string.format('%.0f', now)
    for _ = 1, cost do
      redis.call('RPUSH', key, stamp)
    end
    -- One millisecond more than the window: the key must not die before its youngest entry.
    redis.call('PEXPIRE', key, window / 1000 + 1)
    if live[i] == 0 then
      reset = window
    end
    live[i] = live[i] + cost
  end
  result[3 * i - 2] = math.max(limit - live[i], 0)
  result[3 * i - 1] = reset
  result[3 * i] = retry
end

return result
