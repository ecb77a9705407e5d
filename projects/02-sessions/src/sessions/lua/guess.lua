-- Lets a guess at a password begin, and counts it as failed until it is known to be right.
-- KEYS    failures of the account, failures of the account from this address, addresses it knows, failures of the address
-- ARGV    address; 1 to count, 0 to look; failures before a lock; first and longest lock in milliseconds;
--         failures of an address, within so many milliseconds; milliseconds until all is forgotten
-- Returns how many milliseconds there are to wait, 0 to go on; the time; which of the first two keys counted.
-- What is no number there was put there by somebody else.
local function number(text)
  return tonumber(string.match(text or '', '^%d+$'))
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local counter = redis.call('SISMEMBER', KEYS[3], ARGV[1]) == 1 and 2 or 1
local limit, first, longest = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
-- More than the longest lock: the clock was set back since.
local locked_until = math.min(number(redis.call('HGET', KEYS[counter], 'locked_until')) or 0, now + longest)
if now < locked_until then
  return { locked_until - now, now, counter }
end
local from_address, window = number(redis.call('GET', KEYS[4])) or 0, tonumber(ARGV[7])
local left = redis.call('PTTL', KEYS[4])
if left < 0 or left > window then
  left = window
  redis.call('PEXPIRE', KEYS[4], window)
end
if from_address >= tonumber(ARGV[6]) then
  return { math.max(1, left), now, counter }
end
if ARGV[2] == '1' then
  local failures = (number(redis.call('HGET', KEYS[counter], 'failures')) or 0) + 1
  redis.call('HSET', KEYS[counter], 'failures', failures)
  if failures >= limit then
    -- 2^50 is beyond any cap, and above it a double has no room for the clock.
    redis.call('HSET', KEYS[counter], 'locked_until', now + math.min(longest, first * 2 ^ math.min(50, failures - limit)))
  end
  redis.call('PEXPIRE', KEYS[counter], tonumber(ARGV[8]) + longest)
  redis.call('SET', KEYS[4], from_address + 1, 'PX', math.max(1, left))
end
return { 0, now, counter }
