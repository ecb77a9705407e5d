-- Make a session; end those that the browser presented, and the least recently used above the cap.
--
-- ARGV    idle, absolute; the cap; when the login began, or '' for unknown; how long a login may take;
--         digest, subject, id, data; then the digests that it replaces
-- Result  the session, then those that ended; false if the login is void
-- Cost    O(cap + replaced)
local cap, begun, digest, subject = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[6], ARGV[7]
if begun then
  local voided = number(asked('GET', prefix .. ':voided:' .. subject)) or 0
  if voided > now then -- before the clock was set back, or by somebody else
    voided = 0
  end
  if begun <= math.max(voided, now - tonumber(ARGV[5])) then
    return false
  end
end

local result = {false}
for place = 10, #ARGV do
  table.insert(result, finish(latest(ARGV[place])))
end
for place, session in ipairs(live(subject)) do
  if place >= cap then
    table.insert(result, finish(session[1]))
  end
end

local moment = string.format('%.0f', now)
redis.call('HSET', key_of(digest), 'subject', subject, 'id', ARGV[8], 'data', ARGV[9],
  'created', moment, 'authenticated', moment)
touch(digest, subject, now)
result[1] = read(digest)
return result
