-- Lists a user's sessions, the one used last first.
-- KEYS    the user's sessions
-- Returns the hash and the fields of each that is live. O(cap).
local listed = {}
for _, hash in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, -1)) do
  local found = redis.pcall('HMGET', 'sessions:' .. hash, 'user', 'email', 'id', 'created', 'authenticated', 'seen', 'agent', 'address')
  if found[1] then
    table.insert(listed, { hash, found })
  end
end
return listed
