-- Sliding window. A key holds a list, oldest first, of "moment cost total": when a request spent its cost, in
-- microseconds of Redis's clock, and what had been spent in all when it had. Differences of totals tell what
-- any part of the list has spent, so nothing is summed up; the list has one entry for each admitted request.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

-- What somebody else has put there counts as long over.
local function entry(key, index)
  local value = redis.pcall('LINDEX', key, index) or ''
  if type(value) == 'table' then
    assert(string.find(value.err, 'WRONGTYPE', 1, true), value.err)
    value = ''
  end
  local moment, cost, total = string.match(value, '^(%d+) (%d+) (%d+)$')
  return tonumber(moment) or 0, tonumber(cost) or 0, tonumber(total) or 0
end

-- The first index in [low, high] for which `found` is true; it is true for high and for all after the first.
local function search(key, low, high, found)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if found(entry(key, middle)) then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

-- What lies in the future was written before the clock was set back: it counts as spent now.
local function mend(key, length)
  for index = length - 1, 0, -1 do
    local moment, cost, total = entry(key, index)
    if moment <= now then
      return
    end
    redis.call('LSET', key, index, string.format('%.0f %.0f %.0f', now, cost, total))
  end
end

local function read(key, limit, window)
  local state = {limit = limit, window = window, first = 0, before = 0, total = 0}
  local last, _, total = entry(key, -1)
  if last + window <= now then
    state.all_expired = redis.call('EXISTS', key) == 1
    return state
  end
  if last > now then
    mend(key, redis.call('LLEN', key))
    state.mended = true
  end
  local moment, cost, first_total = entry(key, 0)
  if moment + window <= now then
    local function lives(candidate)
      return candidate + window > now
    end
    state.first = search(key, 1, redis.call('LLEN', key) - 1, lives)
    moment, cost, first_total = entry(key, state.first)
  end
  state.oldest, state.before, state.total = moment, first_total - cost, total
  return state
end

local function used(state)
  return state.total - state.before
end

local function remaining(state)
  return math.max(state.limit - used(state), 0)
end

local function reset(state)
  return state.oldest and state.oldest + state.window - now or 0
end

local function retry(key, state, cost)
  local missing = used(state) + cost - state.limit
  if missing <= 0 then
    return 0
  end
  local function frees_enough(_, _, total)
    return total - state.before >= missing
  end
  local index = search(key, state.first, redis.call('LLEN', key) - 1, frees_enough)
  return entry(key, index) + state.window - now
end

local function spend(state, cost)
  state.oldest = state.oldest or now
  state.total = state.total + cost
end

local function save(key, state, cost)
  if state.all_expired then
    redis.call('DEL', key)
  elseif state.first > 0 then
    redis.call('LTRIM', key, state.first, -1)
  end
  if cost > 0 then
    redis.call('RPUSH', key, string.format('%.0f %.0f %.0f', now, cost, state.total))
  end
  redis.call('PEXPIRE', key, math.ceil(state.window / 1000))
end
