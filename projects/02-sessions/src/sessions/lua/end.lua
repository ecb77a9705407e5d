-- Ends a user's sessions: the one with a public id, or all but one, and then voids the logins under way.
-- KEYS    the user's sessions, when logins were last voided
-- ARGV    the public id of the one to end, or empty; the hash of the one to keep, or empty; the marker's life in ms
-- Returns the hashes that ended. O(cap).
local time = redis.call('TIME')
local ended = {}
for _, hash in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local id = redis.pcall('HGET', 'sessions:' .. hash, 'id')
  id = type(id) == 'string' and id
  if (ARGV[1] == '' and hash ~= ARGV[2]) or id == ARGV[1] then
    redis.call('DEL', 'sessions:' .. hash)
    redis.call('ZREM', KEYS[1], hash)
    if id then
      table.insert(ended, hash)
    end
  end
end
if ARGV[1] == '' then
  redis.call('SET', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000), 'PX', ARGV[3])
end
return ended
