-- Enter reminders into the index. If its first entry has changed, wake the workers: those that are asleep until the
-- time of the old one could miss the new one.
--
-- KEYS[1]  the sorted set of ids, by due time in milliseconds
-- ARGV[1]  the topic on which workers listen (Redis calls it a channel); then due time and id in turns
-- Atomic, one round trip. O(n log m) for n entries into a set of m.
local before = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
for i = 2, #ARGV, 2 do
  redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1])
end
local head = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if before[1] ~= head[1] or before[2] ~= head[2] then
  redis.call('PUBLISH', ARGV[1], head[2])
end
