-- Forget what was kept long enough: payloads first, events and with them their keys later, and never what is
-- still to be forwarded.
--
-- Parameters: payload_seconds, key_seconds.
WITH minutes_gone AS (
    DELETE FROM minutes WHERE minute < now() - interval '1 hour'
), keys_gone AS (
    DELETE FROM idempotency_keys WHERE created_at < now() - interval '1 day'
), events_gone AS (
    DELETE FROM events WHERE due_at IS NULL AND received_at < now() - :key_seconds * interval '1 second'
)
UPDATE events
   SET body = NULL
 WHERE due_at IS NULL
   AND body IS NOT NULL
   AND received_at < now() - :payload_seconds * interval '1 second'
   AND received_at >= now() - :key_seconds * interval '1 second'
