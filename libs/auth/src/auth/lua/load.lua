-- Find the first live session of those that were presented, and note at most once in `touch` that it is in use.
--
-- ARGV    idle, absolute; touch in milliseconds; then the digests
-- Result  the session, or false
-- Cost    O(presented)
for place = 4, #ARGV do
  local session, is_ahead = read(ARGV[place])
  if session then
    if is_ahead then
      redis.call('HSET', key_of(ARGV[place]), 'created', session[4], 'authenticated', session[5])
    end
    if is_ahead or now - tonumber(session[6]) >= tonumber(ARGV[3]) then
      touch(ARGV[place], session[2], tonumber(session[4]))
      session[6] = session[8]
    end
    return session
  end
end
return false
