-- Finds the first session that is live, and notes that it is in use.
-- KEYS    the keys of sessions, in the order in which their cookies came
-- ARGV    idle, absolute and touch in milliseconds
-- Returns its place in KEYS, its fields and the time; nothing if none is live. One HMGET for each key.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local idle, absolute, touch = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
for place, key in ipairs(KEYS) do
  local found = redis.call('HMGET', key, 'user', 'email', 'id', 'created', 'authenticated', 'seen', 'agent', 'address')
  local created, seen = tonumber(found[4]), tonumber(found[6])
  if created and now < seen + idle and now < created + absolute then
    if now - seen >= touch then
      redis.call('HSET', key, 'seen', now)
      redis.call('PEXPIREAT', key, math.min(now + idle, created + absolute))
      redis.call('ZADD', 'sessions:of:' .. found[1], 'XX', now, string.sub(key, #'sessions:' + 1))
    end
    return { place, found, now }
  end
end
return false
