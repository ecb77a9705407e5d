-- Fixed window. A key holds "closes used": when its window closes, in microseconds of Redis's clock, and what
-- is spent.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

-- What somebody else has put there is no count: it is as if nothing was there.
local function read(key, limit, window)
  local value = redis.pcall('GET', key) or ''
  if type(value) == 'table' then
    assert(string.find(value.err, 'WRONGTYPE', 1, true), value.err)
    value = ''
  end
  local closes, used = string.match(value, '^(%d+) (%d+)$')
  closes = tonumber(closes) or 0
  -- Who has shortened the key's life has the window end with it. The two differ by a rounded millisecond else.
  local ttl_ms = redis.call('PTTL', key)
  if ttl_ms >= 0 and now + (ttl_ms + 2) * 1000 < closes then
    closes = now + ttl_ms * 1000
  end
  local state = {limit = limit, window = window, closes = closes, used = tonumber(used) or 0}
  if state.closes > now + window then
    state.closes, state.mended = now + window, true
  elseif state.closes <= now then
    state.closes, state.used = now, 0
  end
  return state
end

local function remaining(state)
  return math.max(state.limit - state.used, 0)
end

local function reset(state)
  return state.closes - now
end

local function retry(_, state, cost)
  return state.used + cost > state.limit and reset(state) or 0
end

local function spend(state, cost)
  if state.used == 0 then
    state.closes = now + state.window
  end
  state.used = state.used + cost
end

local function save(key, state)
  redis.call('SET', key, string.format('%.0f %.0f', state.closes, state.used),
    'PX', math.ceil((state.closes - now) / 1000))
end
