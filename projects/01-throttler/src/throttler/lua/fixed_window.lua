-- Fixed window: a counter that lives as long as its window.
--
-- KEYS    one counter for each policy; its TTL is the window's clock
-- ARGV    cost (0: look, charge nothing), then limit and window in milliseconds for each policy
-- Result  remaining, reset and retry for each policy, flat; times in microseconds, retry 0: admitted
-- Cost    O(policies); atomic, because Redis runs one script at a time
local cost = tonumber(ARGV[1])
local used, ttl_ms, result, admitted = {}, {}, {}, true

for i, key in ipairs(KEYS) do
  local limit, window_ms = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local ttl = redis.call('PTTL', key)
  local count = tonumber(redis.call('GET', key)) or 0
  if ttl == -1 or ttl > window_ms then
    -- No TTL: somebody died between INCR and EXPIRE, and without this the client would be banned for ever.
    -- A longer one than the window: the setting was lowered.
    redis.call('PEXPIRE', key, window_ms)
    ttl = window_ms
  elseif ttl <= 0 then
    -- No key (-2), or its very last millisecond (0): whoever waited Retry-After to the letter gets through.
    count, ttl = 0, 0
  end
  used[i], ttl_ms[i] = count, ttl
  if count + cost > limit then
    admitted = false
  end
end

for i, key in ipairs(KEYS) do
  local limit, window_ms = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local retry_ms = 0
  if used[i] + cost > limit then
    retry_ms = ttl_ms[i]
  elseif admitted and cost > 0 then
    if ttl_ms[i] == 0 then
      ttl_ms[i] = window_ms
      redis.call('SET', key, cost, 'PX', window_ms)
    else
      redis.call('INCRBY', key, cost)
    end
    used[i] = used[i] + cost
  end
  result[3 * i - 2] = math.max(limit - used[i], 0)
  result[3 * i - 1] = ttl_ms[i] * 1000
  result[3 * i] = retry_ms * 1000
end

return result
