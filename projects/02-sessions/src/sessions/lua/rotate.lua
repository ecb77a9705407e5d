-- Gives a session another id, and ends all others of its user.
-- KEYS    the session, its new key, the user's sessions, when logins were last voided
-- ARGV    its hash, its new hash, its email; 1 if the password was just shown; the marker's life in milliseconds
-- Returns the hashes that ended; nothing if the session is not live any more. O(cap).
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local life = redis.call('PTTL', KEYS[1])
if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[2], 'email', ARGV[3])
if ARGV[4] == '1' then
  redis.call('HSET', KEYS[2], 'authenticated', now)
end
local ended = {}
for _, hash in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
  if redis.call('DEL', 'sessions:' .. hash) == 1 then
    table.insert(ended, hash)
  end
  redis.call('ZREM', KEYS[3], hash)
end
redis.call('ZADD', KEYS[3], now, ARGV[2])
redis.call('PEXPIRE', KEYS[3], math.max(life, tonumber(ARGV[5])))
redis.call('SET', KEYS[4], now, 'PX', ARGV[5])
return ended
