-- Tell the time, and what is due within the next seconds, soonest first.
--
-- Parameters: horizon_seconds, batch.
-- Result: at least one row; id and due_at are null in the one that only tells the time.
-- Cost: O(batch) by reminders_due, however many reminders wait behind them.
SELECT clock.now, soon.id, soon.due_at
  FROM (SELECT now() AS now) AS clock
  LEFT JOIN (
      SELECT id, due_at
        FROM reminders
       WHERE due_at > now() AND due_at <= now() + :horizon_seconds * interval '1 second'
       ORDER BY due_at
       LIMIT :batch
  ) AS soon ON true
