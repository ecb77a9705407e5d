-- Makes a session, ends those that its caller presented, and of the user's others what is above the cap.
-- KEYS    the new session, the user's sessions, when logins were last voided, and the presented sessions
-- ARGV    hash, user, email, id, agent, address; when the login began; idle, absolute in milliseconds; the cap
-- Returns the time, the hashes that ended; nothing if the login began before the user's logins were voided.
-- O(cap): of a user there are never more.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local voided = tonumber(string.match(redis.call('GET', KEYS[3]) or '', '^%d+$')) or 0
if voided > now then
  -- The clock was set back since, and would refuse its owner until it is where it was.
  voided = 0
  redis.call('DEL', KEYS[3])
end
if tonumber(ARGV[7]) < voided then
  return false
end
local ended = {}
for place = 4, #KEYS do
  local owner = redis.call('HGET', KEYS[place], 'user')
  if owner then
    local hash = string.sub(KEYS[place], #'sessions:' + 1)
    redis.call('DEL', KEYS[place])
    redis.pcall('ZREM', 'sessions:of:' .. owner, hash)
    table.insert(ended, hash)
  end
end
redis.call('HSET', KEYS[1], 'user', ARGV[2], 'email', ARGV[3], 'id', ARGV[4], 'agent', ARGV[5],
  'address', ARGV[6], 'created', now, 'authenticated', now, 'seen', now)
redis.call('PEXPIREAT', KEYS[1], now + math.min(tonumber(ARGV[8]), tonumber(ARGV[9])))
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('PEXPIREAT', KEYS[2], now + tonumber(ARGV[9]))
for _, hash in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  if redis.call('EXISTS', 'sessions:' .. hash) == 0 then
    redis.call('ZREM', KEYS[2], hash)
  end
end
for _, hash in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  if redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[10]) and hash ~= ARGV[1] then
    redis.call('DEL', 'sessions:' .. hash)
    redis.call('ZREM', KEYS[2], hash)
    table.insert(ended, hash)
  end
end
return { now, ended }
