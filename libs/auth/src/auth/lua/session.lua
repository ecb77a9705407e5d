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

-- The session as a list of texts, or nil if there is none or it is dead.
local function read(digest)
  local found = redis.call('HMGET', key_of(digest), 'subject', 'id', 'created', 'authenticated', 'seen', 'data')
  local created, seen = tonumber(found[3]), tonumber(found[5])
  if not created or now >= seen + idle or now >= created + absolute then
    return nil
  end
  return {digest, found[1], found[2], found[3], found[4], found[5], found[6], string.format('%.0f', now)}
end

-- Write that a session is in use, and let Redis forget it when it is dead.
local function touch(digest, subject, created)
  redis.call('HSET', key_of(digest), 'seen', string.format('%.0f', now))
  redis.call('PEXPIREAT', key_of(digest), string.format('%.0f', math.min(now + idle, created + absolute)))
  redis.call('ZADD', index_of(subject), now, digest)
  -- Never shortened: the index has to outlive each of its sessions, whatever the policy was.
  local left = redis.call('PTTL', index_of(subject))
  redis.call('PEXPIRE', index_of(subject), math.max(left, absolute))
end

-- The digest that a session has now: a logout may come with a token that was rotated a moment ago. It only
-- ever ends what it leads to.
local function latest(digest)
  local rotated = redis.call('GET', prefix .. ':rotated:' .. digest)
  return rotated and latest(rotated) or digest
end

-- End a session, and return it if it was live.
local function finish(digest)
  local session = read(digest)
  local subject = redis.call('HGET', key_of(digest), 'subject')
  if subject then
    redis.call('ZREM', index_of(subject), digest)
    redis.call('DEL', key_of(digest))
  end
  return session
end

-- The subject's live sessions, the one used last first; what is dead leaves the index.
local function live(subject)
  local sessions = {}
  for _, digest in ipairs(redis.call('ZREVRANGE', index_of(subject), 0, -1)) do
    local session = read(digest)
    if session then
      table.insert(sessions, session)
    else
      redis.call('ZREM', index_of(subject), digest)
    end
  end
  return sessions
end
