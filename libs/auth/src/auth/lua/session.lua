-- What the other files share; it stands before each of them.
--
-- KEYS[1]  the prefix of every key. It is in braces, a Cluster's slot: a script may touch what it finds.
-- ARGV     idle and absolute in milliseconds; the rest is each file's own
--
-- <prefix>:session:<digest>     hash: subject, id, created, authenticated, seen, data; times in milliseconds
-- <prefix>:sessions:<subject>   sorted set: the digests of a subject's sessions by last use
-- <prefix>:voided:<subject>     when all sessions of the subject were ended last
-- <prefix>:rotated:<digest>     the digest that took its place, for as long as a request may take
--
-- Redis's own clock decides. Its expiry of keys only tidies up: what is dead by its fields is dead.
local prefix, idle, absolute = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function key_of(digest)
  return prefix .. ':session:' .. digest
end

local function index_of(subject)
  return prefix .. ':sessions:' .. subject
end

-- What is no number was put there by somebody else.
local function number(text)
  return type(text) == 'string' and tonumber(string.match(text, '^%d+$')) or nil
end

-- The reply, or nil where somebody else has put a value of another type.
local function asked(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
    assert(string.find(reply.err, 'WRONGTYPE', 1, true), reply.err)
    return nil
  end
  return reply
end

-- The session as a list of texts, or nil if there is none or it is dead. Only those are live that are in their
-- subject's index: no other can be listed, or ended with all. What lies in the future was written before the
-- clock was set back: it counts as written now, and the second result says so.
local function read(digest)
  local found = asked('HMGET', key_of(digest), 'subject', 'id', 'created', 'authenticated', 'seen', 'data')
  if not (found and found[1] and found[2] and found[6]) then
    return nil
  end
  local created, authenticated, seen = number(found[3]), number(found[4]), number(found[5])
  if not (created and authenticated and seen) or now >= seen + idle or now >= created + absolute
    or not asked('ZSCORE', index_of(found[1]), digest) then
    return nil
  end
  local moment = string.format('%.0f', now)
  local is_ahead = created > now or authenticated > now or seen > now
  local function past(text, value)
    return value > now and moment or text
  end
  return {digest, found[1], found[2], past(found[3], created), past(found[4], authenticated),
    past(found[5], seen), found[6], moment}, is_ahead
end

-- Write that a session is in use, and let Redis forget it when it is dead.
local function touch(digest, subject, created)
  redis.call('HSET', key_of(digest), 'seen', string.format('%.0f', now))
  redis.call('PEXPIREAT', key_of(digest), string.format('%.0f', math.min(now + idle, created + absolute)))
  if not asked('ZADD', index_of(subject), now, digest) then
    redis.call('DEL', index_of(subject))
    redis.call('ZADD', index_of(subject), now, digest)
  end
  -- Never shortened: the index has to outlive each of its sessions, whatever the policy was.
  local left = redis.call('PTTL', index_of(subject))
  redis.call('PEXPIRE', index_of(subject), math.max(left, absolute))
end

-- The digest that a session has now: a logout may come with a token that was rotated a moment ago. It only
-- ever ends what it leads to.
local function latest(digest)
  for _ = 1, 100 do -- somebody else's values may lead in a circle
    local rotated = asked('GET', prefix .. ':rotated:' .. digest)
    if not rotated then
      break
    end
    digest = rotated
  end
  return digest
end

-- End a session, and return it if it was live.
local function finish(digest)
  local session = read(digest)
  local subject = asked('HGET', key_of(digest), 'subject')
  if subject then
    asked('ZREM', index_of(subject), digest)
    redis.call('DEL', key_of(digest))
  end
  return session
end

-- The subject's live sessions, the one used last first; what is dead leaves the index.
local function live(subject)
  local sessions = {}
  for _, digest in ipairs(asked('ZREVRANGE', index_of(subject), 0, -1) or {}) do
    local session = read(digest)
    if session then
      table.insert(sessions, session)
    else
      redis.call('ZREM', index_of(subject), digest)
    end
  end
  return sessions
end
