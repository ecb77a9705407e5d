-- The decision, the same for every algorithm: all policies have room, or none is charged.
-- It stands behind one of the other files, which gives read, remaining, reset, retry, spend and save.
--
-- KEYS    one key for each policy
-- ARGV    cost; 1: charge it, 0: look only; then limit and window in microseconds for each policy
-- Result  remaining, reset and retry for each policy, flat; times in microseconds;
--         retry 0: admitted, -1: never, for the cost is above the limit
-- Cost    O(policies), in a sliding window O(log limit) look-ups more when something has expired; atomic,
--         because Redis runs one script at a time
local cost, charge = tonumber(ARGV[1]), ARGV[2] == '1'
local states, result, admitted = {}, {}, true

-- A crash of somebody's left the key without a time to live, or the window has been made shorter since.
local function outlives(key, window)
  local ttl_ms = redis.call('PTTL', key)
  return ttl_ms == -1 or ttl_ms > math.ceil(window / 1000)
end

for i, key in ipairs(KEYS) do
  local limit, window = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
  local state = read(key, limit, window)
  state.window, state.retry = window, 0
  if cost > state.limit then
    state.retry = -1
  elseif cost > 0 then
    state.retry = retry(key, state, cost)
  end
  states[i] = state
  admitted = admitted and state.retry == 0
end

for i, key in ipairs(KEYS) do
  local state = states[i]
  if admitted and charge and cost > 0 then
    spend(state, cost)
    save(key, state, cost)
  elseif state.mended or (state.retry > 0 and outlives(key, state.window)) then
    -- Here, or where the clock was set back, a client would be refused for longer than a window.
    save(key, state, 0)
  end
  result[3 * i - 2] = remaining(state)
  result[3 * i - 1] = reset(state)
  result[3 * i] = state.retry
end

return result
