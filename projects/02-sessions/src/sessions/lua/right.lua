-- Takes a guess back that was right, with all failures before it, and remembers where the owner is.
-- KEYS    the counter that counted it, addresses that the account knows, failures of the address
-- ARGV    address, how many addresses are known at most, milliseconds until they are forgotten
redis.call('DEL', KEYS[1])
local failures = tonumber(string.match(redis.call('GET', KEYS[3]) or '', '^%d+$')) or 0
if failures > 1 then
  redis.call('SET', KEYS[3], failures - 1, 'KEEPTTL')
else
  redis.call('DEL', KEYS[3])
end
redis.call('SADD', KEYS[2], ARGV[1])
if redis.call('SCARD', KEYS[2]) > tonumber(ARGV[2]) then
  redis.call('SPOP', KEYS[2])
end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 0
