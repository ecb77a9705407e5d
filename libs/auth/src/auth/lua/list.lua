-- List a subject's live sessions, the one used last first.
--
-- ARGV    idle, absolute; subject
-- Result  the sessions
-- Cost    O(cap)
return live(ARGV[3])
