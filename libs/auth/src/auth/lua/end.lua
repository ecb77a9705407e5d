-- End sessions by their digests.
--
-- ARGV    idle, absolute; then the digests
-- Result  those that were live
-- Cost    O(digests)
local result = {}
for place = 3, #ARGV do
  table.insert(result, finish(ARGV[place]))
end
return result
