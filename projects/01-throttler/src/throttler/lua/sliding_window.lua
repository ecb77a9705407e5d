-- Sliding window: a log of the moments at which each unit was spent, oldest first.
--
-- KEYS    one list for each policy, at most `limit` entries of about 10 bytes
-- ARGV    cost (0: look, charge nothing), then limit and window in microseconds for each policy
-- Result  remaining, reset and retry for each policy, flat; times in microseconds, retry 0: admitted
-- Cost    O(log limit) reads to find the oldest live entry; what has expired is cut off in one LTRIM. Once after
--         the clock was set back: O(entries that were written later than it is now)
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cost = tonumber(ARGV[1])
local logs, result, admitted = {}, {}, true

-- The moment of an entry; what is none counts as long over.
local function moment(key, index)
  return tonumber(string.match(redis.call('LINDEX', key, index) or '', '^%d+$')) or 0
end

-- Index of the oldest entry that is younger than a moment; the length when all are older.
local function first_after(key, length, than)
  local low, high = 0, length
  while low < high do
    local middle = math.floor((low + high) / 2)
    if moment(key, middle) > than then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

local function spend(key, units, ttl_ms)
  local stamp = string.format('%.0f', now)
  for _ = 1, units do
    redis.call('RPUSH', key, stamp)
  end
  redis.call('PEXPIRE', key, ttl_ms)
end

-- A crash of somebody's left the key without a time to live, or the window has been made shorter since.
local function outlives(key, ttl_ms)
  local left_ms = redis.call('PTTL', key)
  return left_ms == -1 or left_ms > ttl_ms
end

-- How many entries there are. Somebody else's value is dropped. What lies in the future was spent before the
-- clock was set back: it counts as spent now, or its client would be refused until the clock is where it was.
local function read(key, ttl_ms)
  local length = redis.pcall('LLEN', key)
  if type(length) == 'table' then
    assert(string.find(length.err, 'WRONGTYPE', 1, true), length.err)
    redis.call('DEL', key)
    return 0
  end
  if length > 0 and moment(key, -1) > now then
    local past = first_after(key, length, now)
    if past > 0 then
      redis.call('LTRIM', key, 0, past - 1)
    else
      redis.call('DEL', key)
    end
    spend(key, length - past, ttl_ms)
  end
  return length
end

for i, key in ipairs(KEYS) do
  local limit, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  -- One millisecond more than the window: the key must not die before its youngest entry.
  local log = {limit = limit, window = window, ttl_ms = window / 1000 + 1, first = 0, reset = 0, retry = 0}
  local length = read(key, log.ttl_ms)
  if length > 0 and moment(key, 0) + window <= now then
    log.first = first_after(key, length, now - window)
  end
  log.used = length - log.first
  if log.used > 0 then
    log.reset = math.max(moment(key, log.first) + window - now, 1)
  end
  local missing = log.used + cost - limit
  if missing > 0 then
    log.retry = math.max(moment(key, log.first + missing - 1) + window - now, 1)
    admitted = false
  end
  logs[i] = log
end

for i, key in ipairs(KEYS) do
  local log = logs[i]
  if admitted and cost > 0 then
    -- In this order: a full Redis refuses a script's first write, and after one of LTRIM it would refuse none.
    spend(key, cost, log.ttl_ms)
    if log.first > 0 then
      redis.call('LTRIM', key, log.first, -1)
    end
    if log.used == 0 then
      log.reset = log.window
    end
    log.used = log.used + cost
  elseif log.retry > 0 and outlives(key, log.ttl_ms) then
    redis.call('PEXPIRE', key, log.ttl_ms)
  end
  result[3 * i - 2] = math.max(log.limit - log.used, 0)
  result[3 * i - 1] = log.reset
  result[3 * i] = log.retry
end

return result
