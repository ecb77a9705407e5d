-- GCRA. A key holds the moment at which its bucket will be full again, in microseconds of Redis's clock. A
-- full bucket and no bucket are the same thing, so the key may go when the debt is paid.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

-- What somebody else has put there is no moment: it is as if nothing was there.
local function read(key, limit, window)
  local value = redis.pcall('GET', key) or ''
  if type(value) == 'table' then
    assert(string.find(value.err, 'WRONGTYPE', 1, true), value.err)
    value = ''
  end
  local interval = math.ceil(window / limit)
  local capacity = interval * limit
  local debt = math.max((tonumber(string.match(value, '^%d+$')) or 0) - now, 0)
  local state = {limit = limit, interval = interval, capacity = capacity, debt = debt}
  if debt > capacity then
    state.debt, state.mended = capacity, true
  end
  return state
end

local function remaining(state)
  return math.floor((state.capacity - state.debt) / state.interval)
end

local function reset(state)
  return state.debt > 0 and (state.debt - 1) % state.interval + 1 or 0
end

local function retry(_, state, cost)
  return math.max(state.debt + cost * state.interval - state.capacity, 0)
end

local function spend(state, cost)
  state.debt = state.debt + cost * state.interval
end

local function save(key, state)
  redis.call('SET', key, string.format('%.0f', now + state.debt), 'PX', math.ceil(state.debt / 1000))
end
