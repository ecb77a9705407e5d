-- Token bucket, as GCRA: all that is kept of a bucket is the moment at which it will be full again.
--
-- KEYS    one number for each policy: that moment, in microseconds of Redis's clock
-- ARGV    cost (0: look, charge nothing), then limit and window in microseconds for each policy
-- Result  remaining, reset and retry for each policy, flat; times in microseconds, retry 0: admitted
-- Cost    O(policies)
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cost = tonumber(ARGV[1])
local debt, result, admitted = {}, {}, true

for i, key in ipairs(KEYS) do
  local limit, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local interval = math.ceil(window / limit)
  local full_at = tonumber(redis.call('GET', key)) or 0
  -- Never more debt than a whole bucket: heals a clock that was set back, and a limit that was lowered.
  debt[i] = math.min(math.max(full_at - now, 0), interval * limit)
  if debt[i] + cost * interval > interval * limit then
    admitted = false
  end
end

for i, key in ipairs(KEYS) do
  local limit, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local interval = math.ceil(window / limit)
  local capacity = interval * limit
  local retry = math.max(debt[i] + cost * interval - capacity, 0)
  if retry > 0 then
    if redis.call('PTTL', key) == -1 then
      redis.call('PEXPIRE', key, math.ceil(debt[i] / 1000) + 1)
    end
  elseif admitted and cost > 0 then
    debt[i] = debt[i] + cost * interval
    -- A full bucket and no bucket are the same thing: the key may go when the debt is paid.
    redis.call('SET', key, string.format('%.0f', now + debt[i]), 'PX', math.ceil(debt[i] / 1000) + 1)
  end
  local reset = 0
  if debt[i] > 0 then
    reset = (debt[i] - 1) % interval + 1
  end
  result[3 * i - 2] = math.floor((capacity - debt[i]) / interval)
  result[3 * i - 1] = reset
  result[3 * i] = retry
end

return result
