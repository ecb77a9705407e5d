-- Find sources by their names, each with its secrets.
--
-- Parameters: names; null for all.
-- Result: a row for each source; `secrets` is a JSON array, oldest first.
SELECT s.*,
       (SELECT coalesce(json_agg(json_build_object(
                   'id', k.id, 'kind', k.kind, 'key', encode(k.key, 'base64'), 'text', k.text,
                   'not_after', k.not_after, 'created_at', k.created_at, 'last_used_at', k.last_used_at
               ) ORDER BY k.created_at, k.id), '[]')
          FROM secrets AS k
         WHERE k.source_id = s.id) AS secrets
  FROM sources AS s
 WHERE CAST(:names AS text[]) IS NULL OR s.name = ANY (CAST(:names AS text[]))
 ORDER BY s.id
