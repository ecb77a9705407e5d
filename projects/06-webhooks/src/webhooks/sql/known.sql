-- Find the events that deliveries repeat: those with their source and key.
--
-- Parameters: source_ids, keys.
SELECT e.id, e.source_id, e.key, e.body_sha256
  FROM unnest(CAST(:source_ids AS uuid[]), CAST(:keys AS text[])) AS d (source_id, key)
  JOIN events AS e ON e.source_id = d.source_id AND e.key = d.key
