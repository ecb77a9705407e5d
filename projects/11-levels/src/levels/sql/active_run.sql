-- Find the run of a folder that has not ended.
--
-- Parameters: target. Result: its id, if there is one.
SELECT id FROM runs WHERE target = :target AND state IN ('queued', 'running')
