-- Counts a guess as failed before it is looked at, unless its key is locked: of many at once none sees a count
-- that is low. From the :failures-th on each failure locks the key, twice as long as the one before.
-- No row: it is locked.
INSERT INTO login_guesses AS known (key, failures, locked_until, guessed_at)
VALUES (:key, 1, CASE WHEN :failures <= 1 THEN clock_timestamp() + :lock END, clock_timestamp())
ON CONFLICT (key) DO UPDATE
SET failures = known.failures + 1,
    guessed_at = clock_timestamp(),
    locked_until = CASE
        WHEN known.failures + 1 >= :failures
        THEN clock_timestamp() + least(:lock * power(2, least(known.failures + 1 - :failures, 30)), :longest_lock)
    END
WHERE known.locked_until IS NULL OR known.locked_until <= clock_timestamp()
RETURNING failures
