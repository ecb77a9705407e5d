-- Fixed window: a counter that lives as long as its window.
--
-- KEYS    one counter for each policy; its TTL is the window's clock
-- ARGV    cost (0: look, charge nothing), then limit and window in milliseconds for each policy
-- Result  remaining, reset and retry for each policy, flat; times in microseconds, retry 0: admitted
-- Cost    O(policies); atomic, because Redis runs one script at a time
local cost = tonumber(ARGV[1])
local windows, result, admitted = {}, {}, true

-- What somebody else has put there is no count: it is dropped.
local function used_of(key)
  local value = redis.pcall('GET', key)
  if type(value) == 'table' then
    assert(string.find(value.err, 'WRONGTYPE', 1, true), value.err)
  elseif not value or value == '0' or string.find(value, '^[1-9]%d*$') then -- as INCRBY takes it
    return tonumber(value or 0)
  end
  redis.call('DEL', key)
  return 0
end

for i, key in ipairs(KEYS) do
  local limit, window_ms = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local used = used_of(key)
  local ttl_ms = redis.call('PTTL', key)
  if ttl_ms == -1 or ttl_ms > window_ms then
    -- No TTL: somebody died between INCR and EXPIRE, and without this the client would be banned for ever.
    -- A longer one than the window: the setting was lowered, or the clock was set back.
    redis.call('PEXPIRE', key, window_ms)
    ttl_ms = window_ms
  elseif ttl_ms <= 0 then
    -- The window is over: there is no key (-2), or this is the key's last millisecond (0). A client that waited
    -- exactly as long as it was told comes back in that millisecond, and has to get through.
    used, ttl_ms = 0, 0
  end
  windows[i] = {limit = limit, window_ms = window_ms, used = used, ttl_ms = ttl_ms}
  admitted = admitted and used + cost <= limit
end

for i, key in ipairs(KEYS) do
  local window = windows[i]
  local retry_ms = 0
  if window.used + cost > window.limit then
    retry_ms = window.ttl_ms
  elseif admitted and cost > 0 then
    if window.ttl_ms == 0 then
      redis.call('SET', key, cost, 'PX', window.window_ms)
      window.ttl_ms = window.window_ms
    else
      redis.call('INCRBY', key, cost)
    end
    window.used = window.used + cost
  end
  result[3 * i - 2] = math.max(window.limit - window.used, 0)
  result[3 * i - 1] = window.ttl_ms * 1000
  result[3 * i] = retry_ms * 1000
end

return result
