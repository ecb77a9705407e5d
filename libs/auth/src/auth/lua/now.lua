-- Tell the time by the clock that decides on sessions.
--
-- ARGV    idle, absolute
-- Result  milliseconds since 1970
-- Cost    O(1)
return now
