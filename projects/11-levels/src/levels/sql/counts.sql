-- Tell how many events there are of some runs: what a reader of a run waits for.
--
-- Parameters: ids.
SELECT id, event_count FROM runs WHERE id = ANY(CAST(:ids AS uuid[]))
