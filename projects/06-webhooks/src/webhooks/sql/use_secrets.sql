-- Write down that secrets were used, each at most once a second; one that another batch writes is passed over.
--
-- Parameters: ids.
UPDATE secrets
   SET last_used_at = now()
 WHERE id IN (
           SELECT id
             FROM secrets
            WHERE id = ANY (CAST(:ids AS uuid[]))
              AND (last_used_at IS NULL OR last_used_at < now() - interval '1 second')
              FOR UPDATE SKIP LOCKED
       )
