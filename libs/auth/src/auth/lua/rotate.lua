-- Give a live session another token. Between the old and the new nobody sees none or both.
--
-- ARGV    idle, absolute; the old digest, the new one; '1' if the password was shown just now; for how long
--         the old one still ends the new one
-- Result  the session, or false if it is not live any more
-- Cost    O(log cap)
local session = read(ARGV[3])
if not session then
  return false
end
redis.call('RENAME', key_of(ARGV[3]), key_of(ARGV[4]))
redis.call('ZREM', index_of(session[2]), ARGV[3])
redis.call('SET', prefix .. ':rotated:' .. ARGV[3], ARGV[4], 'PX', ARGV[6])
if ARGV[5] == '1' then
  redis.call('HSET', key_of(ARGV[4]), 'authenticated', string.format('%.0f', now))
end
touch(ARGV[4], session[2], tonumber(session[4]))
return read(ARGV[4])
