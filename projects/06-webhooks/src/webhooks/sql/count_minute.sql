-- Count deliveries of sources that have a limit.
--
-- Parameters: arrays source_ids and counts, one element for each source.
-- Result: how many each has had in this minute, these among them, and in how many seconds the next one begins.
INSERT INTO minutes (source_id, minute, used)
SELECT source_id, date_trunc('minute', now()), amount
  FROM unnest(CAST(:source_ids AS uuid[]), CAST(:counts AS integer[])) AS d (source_id, amount)
 ORDER BY source_id
    ON CONFLICT (source_id, minute) DO UPDATE SET used = minutes.used + excluded.used
RETURNING source_id, used, ceil(60 - extract(second FROM now()))::integer AS seconds_left
