-- List events, newest first.
--
-- Parameters: id, source, state, before, each null for any; limit.
SELECT e.id, s.name AS source, e.key, e.key_by, e.message_id, e.ordering_key, e.content_type, e.size_bytes,
       e.received_at, e.state, e.round, e.attempt_count,
       CASE WHEN e.state = 'pending' THEN e.due_at END AS next_attempt_at,
       (SELECT count(*) FROM conflicts AS c WHERE c.event_id = e.id) AS conflict_count
  FROM events AS e
  JOIN sources AS s ON s.id = e.source_id
 WHERE (CAST(:id AS uuid) IS NULL OR e.id = :id)
   AND (CAST(:source AS text) IS NULL OR s.name = :source)
   AND (CAST(:state AS text) IS NULL OR e.state = :state)
   AND (CAST(:before AS uuid) IS NULL OR e.id < :before)
 ORDER BY e.id DESC
 LIMIT :limit
