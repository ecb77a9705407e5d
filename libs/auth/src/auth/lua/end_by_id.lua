-- End one session of a subject by its public id.
--
-- ARGV    idle, absolute; subject, id
-- Result  the session, or false if the subject has no live one with this id
-- Cost    O(cap)
for _, session in ipairs(live(ARGV[3])) do
  if session[3] == ARGV[4] then
    return finish(session[1])
  end
end
return false
