-- End a subject's sessions, all but one or all, and void the logins that have begun.
--
-- ARGV    idle, absolute; subject; the digest to keep, or ''; how long a login may take
-- Result  those that were live
-- Cost    O(cap)
redis.call('SET', prefix .. ':voided:' .. ARGV[3], string.format('%.0f', now), 'PX', ARGV[5])
local result = {}
for _, session in ipairs(live(ARGV[3])) do
  if session[1] ~= ARGV[4] then
    table.insert(result, finish(session[1]))
  end
end
return result
