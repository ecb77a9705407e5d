-- Keeps a snapshot for all processes, unless a newer one is there.
-- KEYS: the hash that has it. ARGV: epoch, version, snapshot, whether it comes from the database (1), channel.
-- Returns 1 if it was kept. One look-up, one write.
local known = redis.call('HMGET', KEYS[1], 'epoch', 'version')
if known[1] == ARGV[1] and tonumber(known[2]) >= tonumber(ARGV[2]) then
  return 0
end
if known[1] and known[1] ~= ARGV[1] and ARGV[4] ~= '1' then
  return 0
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'version', ARGV[2], 'snapshot', ARGV[3])
redis.call('PUBLISH', ARGV[5], ARGV[2])
return 1
