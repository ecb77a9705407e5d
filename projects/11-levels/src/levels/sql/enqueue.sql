-- Queue a run, unless one of the same folder has not ended, or another speed run of the same learner.
--
-- Parameters: id, kind, learner_id, level_id, track_id, target, seed, stages.
-- Result: the run. No row: there is one.
-- Atomic: the unique indexes on runs that have not ended decide, whoever asks at the same instant.
WITH queued AS (
    INSERT INTO runs (
        id, kind, learner_id, level_id, track_id, target, seed, stages, state, due_at, event_count, created_at
    )
    VALUES (:id, :kind, :learner_id, :level_id, :track_id, :target, :seed, CAST(:stages AS jsonb), 'queued', now(), 1, now())
        ON CONFLICT DO NOTHING
 RETURNING *
), told AS (
    INSERT INTO run_events (run_id, number, at, kind, data)
    SELECT id, 1, now(), 'state', jsonb_build_object('state', 'queued') FROM queued
)
SELECT * FROM queued
