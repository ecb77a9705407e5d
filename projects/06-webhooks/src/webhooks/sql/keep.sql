-- Keep a batch of verified deliveries: each is a new event, unless its source has an event with its key.
--
-- Parameters: arrays of equal length, one element for each delivery.
-- Result: the ids of the new events. What is missing repeats an event, of before or of this batch.
-- Atomic: one statement. The unique constraint decides, so it does not matter how many processes insert at once:
-- who comes second waits for the first one's commit. In the order of the keys, so that no two batches wait for
-- each other.
INSERT INTO events (
    id, source_id, key, key_by, message_id, ordering_key, content_type, body, body_sha256, size_bytes, received_at
)
SELECT id, source_id, key, key_by, message_id, ordering_key, content_type, body, body_sha256, length(body),
       received_at
  FROM unnest(
           CAST(:ids AS uuid[]), CAST(:source_ids AS uuid[]), CAST(:keys AS text[]), CAST(:key_bys AS text[]),
           CAST(:message_ids AS text[]), CAST(:ordering_keys AS text[]), CAST(:content_types AS text[]),
           CAST(:bodies AS bytea[]), CAST(:digests AS bytea[]), CAST(:received_ats AS timestamptz[])
       ) WITH ORDINALITY AS d (id, source_id, key, key_by, message_id, ordering_key, content_type, body,
                               body_sha256, received_at, position)
 ORDER BY source_id, key, position
    ON CONFLICT (source_id, key) DO NOTHING
RETURNING id
