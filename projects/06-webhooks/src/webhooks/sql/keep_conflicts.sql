-- Keep deliveries with a known key and another body: once for each other body, and no more than `most` of an event.
--
-- Parameters: arrays event_ids, digests, bodies, received_ats; most.
INSERT INTO conflicts (event_id, body_sha256, body, received_at)
SELECT event_id, body_sha256, body, received_at
  FROM unnest(
           CAST(:event_ids AS uuid[]), CAST(:digests AS bytea[]), CAST(:bodies AS bytea[]),
           CAST(:received_ats AS timestamptz[])
       ) AS d (event_id, body_sha256, body, received_at)
 WHERE (SELECT count(*) FROM conflicts AS c WHERE c.event_id = d.event_id) < :most
 ORDER BY event_id, body_sha256
    ON CONFLICT DO NOTHING
