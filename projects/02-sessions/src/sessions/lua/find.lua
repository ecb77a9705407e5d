-- Finds the first session that is live, and notes that it is in use.
-- KEYS    the keys of sessions, in the order in which their cookies came
-- ARGV    idle, absolute and touch in milliseconds
-- Returns its place in KEYS, its fields and the time; nothing if none is live. One HMGET for each key.

-- Of a user's sessions only those are live that can be listed, for only those can be ended.
local function is_listed(user, key)
  return type(redis.pcall('ZSCORE', 'sessions:of:' .. user, string.sub(key, #'sessions:' + 1))) == 'string'
end

-- What is no number there was put there by somebody else; so was what is no hash.
local function number(text)
  return tonumber(string.match(text or '', '^%d+$'))
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local idle, absolute, touch = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
for place, key in ipairs(KEYS) do
  local found = redis.pcall('HMGET', key, 'user', 'email', 'id', 'created', 'authenticated', 'seen', 'agent', 'address')
  local created, seen = number(found[4]), number(found[6])
  if found[1] and created and seen and now < seen + idle and now < created + absolute and is_listed(found[1], key) then
    -- What lies ahead was written before the clock was set back, and would make the session live longer.
    local is_ahead = seen > now or created > now
    if now - seen >= touch or is_ahead then
      created = math.min(created, now)
      redis.call('HSET', key, 'seen', now, 'created', created)
      redis.call('PEXPIREAT', key, math.min(now + idle, created + absolute))
      redis.call('ZADD', 'sessions:of:' .. found[1], 'XX', now, string.sub(key, #'sessions:' + 1))
      redis.call('PEXPIREAT', 'sessions:of:' .. found[1], created + absolute, 'GT')
    end
    return { place, found, now }
  end
end
return false
