-- Token bucket, as GCRA: all that is kept of a bucket is the moment at which it will be full again.
--
-- KEYS    one number for each policy: that moment, in microseconds of Redis's clock
-- ARGV    cost (0: look, charge nothing), then limit and window in microseconds for each policy
-- Result  remaining, reset and retry for each policy, flat; times in microseconds, retry 0: admitted
-- Cost    O(policies)
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cost = tonumber(ARGV[1])
local buckets, result, admitted = {}, {}, true

-- What somebody else has put there is no moment: the bucket is full, and the key written anew.
local function full_again_at(key)
  local value = redis.pcall('GET', key)
  if type(value) == 'table' then
    assert(string.find(value.err, 'WRONGTYPE', 1, true), value.err)
    return 0
  end
  return tonumber(string.match(value or '', '^%d+$')) or 0
end

-- A crash of somebody's left the key without a time to live, or the window has been made shorter since.
local function outlives(key, ttl_ms)
  local left_ms = redis.call('PTTL', key)
  return left_ms == -1 or left_ms > ttl_ms
end

for i, key in ipairs(KEYS) do
  local limit, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local interval = math.ceil(window / limit)
  local capacity = interval * limit
  local debt = math.max(full_again_at(key) - now, 0)
  -- More debt than a whole bucket: the clock was set back since, or the limit lowered. It is written down as a
  -- whole bucket, or it would be one at the next request too, and the client be refused until the clock is
  -- where it was.
  local mended = debt > capacity
  debt = math.min(debt, capacity)
  local retry = math.max(debt + cost * interval - capacity, 0)
  buckets[i] = {interval = interval, capacity = capacity, debt = debt, retry = retry, mended = mended}
  admitted = admitted and retry == 0
end

for i, key in ipairs(KEYS) do
  local bucket = buckets[i]
  local charged = admitted and cost > 0
  if charged then
    bucket.debt = bucket.debt + cost * bucket.interval
  end
  if charged or bucket.mended or (bucket.retry > 0 and outlives(key, bucket.capacity / 1000 + 1)) then
    -- A full bucket and no bucket are the same thing: the key may go when the debt is paid.
    local ttl_ms = math.ceil(bucket.debt / 1000) + 1
    redis.call('SET', key, string.format('%.0f', now + bucket.debt), 'PX', ttl_ms)
  end
  local reset = 0
  if bucket.debt > 0 then
    reset = (bucket.debt - 1) % bucket.interval + 1
  end
  result[3 * i - 2] = math.floor((bucket.capacity - bucket.debt) / bucket.interval)
  result[3 * i - 1] = reset
  result[3 * i] = bucket.retry
end

return result
