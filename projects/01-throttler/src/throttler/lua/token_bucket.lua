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

for i, key in ipairs(KEYS) do
  local limit, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local interval = math.ceil(window / limit)
  local capacity = interval * limit
  local full_at = tonumber(redis.call('GET', key)) or 0
  -- Never more debt than a whole bucket: heals a clock that was set back, and a limit that was lowered.
  local debt = math.min(math.max(full_at - now, 0), capacity)
  local retry = math.max(debt + cost * interval - capacity, 0)
  buckets[i] = {interval = interval, capacity = capacity, debt = debt, retry = retry}
  admitted = admitted and retry == 0
end

for i, key in ipairs(KEYS) do
  local bucket = buckets[i]
  if admitted and cost > 0 then
    bucket.debt = bucket.debt + cost * bucket.interval
    local ttl_ms = math.ceil(bucket.debt / 1000) + 1
    -- A full bucket and no bucket are the same thing: the key may go when the debt is paid.
    redis.call('SET', key, string.format('%.0f', now + bucket.debt), 'PX', ttl_ms)
  elseif bucket.retry > 0 and redis.call('PTTL', key) == -1 then
    redis.call('PEXPIRE', key, math.ceil(bucket.debt / 1000) + 1)
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
