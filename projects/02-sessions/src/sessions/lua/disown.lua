-- Drops what is of another type than it should be: somebody else has put it there.
-- KEYS    any
-- ARGV    the type of each
-- Returns how many were dropped.
local dropped = 0
for place, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'none' and kind ~= ARGV[place] then
    dropped = dropped + redis.call('DEL', key)
  end
end
return dropped
