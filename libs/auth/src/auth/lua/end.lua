-- End sessions by their digests, or by those that they had a moment ago.
--
-- ARGV    idle, absolute; then the digests
-- Result  those that were live
-- Cost    O(digests)
local result = {}
for place = 3, #ARGV do
  table.insert(result, finish(latest(ARGV[place])))
end
return result
