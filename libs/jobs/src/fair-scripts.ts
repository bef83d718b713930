// Start-time fair queueing between tenants, one Lua call for each operation. There are two lanes,
// `o` for onboarding and `r` for the rest, each with its own virtual time; all keys share the base's
// hash tag:
//
//   waiting          hash  id -> payload, and `lane` id -> o or r
//   q:<lane>:<tenant> zset  id by order of arrival
//   turn:<lane>      zset  tenant with something waiting, by its start tag
//   tags:<lane>      zset  tenant by its finish tag, kept while that is above the virtual time
//   vt:<lane>              virtual time: the start tag of what was taken last
//   lease, leased    zset, hash  taken and perhaps not yet handed on: id by time, id -> lane and payload
//   charged          hash  id -> lane, finish tag and charge in ms / weight
//   mean                   what a run costs, in ms, as far as it is known
//
// An id is `<tenant>.<model>`. Payloads are JSON with `tenant` and `weight`.

/** Puts one id into its tenant's queue; a tenant that was idle rejoins at the current time. */
const JOIN = `
local function join(base, lane, tenant, id, place)
  redis.call('ZADD', base .. ':q:' .. lane .. ':' .. tenant, 'NX', place, id)
  redis.call('HSET', base .. ':lane', id, lane)
  if not redis.call('ZSCORE', base .. ':turn:' .. lane, tenant) then
    local vt = tonumber(redis.call('GET', base .. ':vt:' .. lane) or '0')
    local tag = tonumber(redis.call('ZSCORE', base .. ':tags:' .. lane, tenant) or '0')
    redis.call('ZADD', base .. ':turn:' .. lane, math.max(vt, tag), tenant)
  end
end
local function leave(base, lane, tenant, id)
  redis.call('ZREM', base .. ':q:' .. lane .. ':' .. tenant, id)
  if redis.call('EXISTS', base .. ':q:' .. lane .. ':' .. tenant) == 0 then
    redis.call('ZREM', base .. ':turn:' .. lane, tenant)
  end
end
`

/**
 * KEYS base; ARGV id, tenant, lane, payload, most that may wait. 1: waits now; 0: replaced the
 * payload of one that waits, which keeps its place; -1: too many wait.
 */
export const REQUEST = `${JOIN}
local base, id, tenant, lane, payload = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local present = redis.call('HGET', base .. ':lane', id)
if not present and redis.call('HLEN', base .. ':waiting') >= tonumber(ARGV[5]) then return -1 end
redis.call('HSET', base .. ':waiting', id, payload)
if present == lane or present == 'o' then return 0 end
if present then leave(base, present, tenant, id) end
join(base, lane, tenant, id, redis.call('INCR', base .. ':seq'))
return present and 0 or 1
`

/**
 * KEYS base, wait and active list of the train queue; ARGV slots, age of a lease in ms, most
 * onboardings in a row while others wait, first guess of a cost in ms. Takes what fits into the free
 * slots, in fair order, and gives the payloads; each has a lease until it is confirmed.
 */
export const TAKE = `${JOIN}
local base = KEYS[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local late = redis.call('ZRANGEBYSCORE', base .. ':lease', '-inf', now - tonumber(ARGV[2]))
for _, id in ipairs(late) do
  local leased = redis.call('HGET', base .. ':leased', id)
  redis.call('ZREM', base .. ':lease', id)
  redis.call('HDEL', base .. ':leased', id)
  if leased and redis.call('HSETNX', base .. ':waiting', id, string.sub(leased, 2)) == 1 then
    join(base, string.sub(leased, 1, 1), cjson.decode(string.sub(leased, 2)).tenant, id, 0)
  end
end

local function take(lane)
  local first = redis.call('ZRANGE', base .. ':turn:' .. lane, 0, 0, 'WITHSCORES')
  local tenant, tag = first[1], tonumber(first[2])
  local q = base .. ':q:' .. lane .. ':' .. tenant
  local id = redis.call('ZPOPMIN', q)[1]
  local payload = redis.call('HGET', base .. ':waiting', id)
  local mean = tonumber(redis.call('GET', base .. ':mean') or ARGV[4])
  local charge = mean / cjson.decode(payload).weight
  local vt = math.max(tag, tonumber(redis.call('GET', base .. ':vt:' .. lane) or '0'))
  redis.call('SET', base .. ':vt:' .. lane, string.format('%.17g', vt))
  redis.call('ZADD', base .. ':tags:' .. lane, tag + charge, tenant)
  redis.call('ZREMRANGEBYSCORE', base .. ':tags:' .. lane, '-inf', '(' .. string.format('%.17g', vt))
  if redis.call('EXISTS', q) == 1 then
    redis.call('ZADD', base .. ':turn:' .. lane, tag + charge, tenant)
  else
    redis.call('ZREM', base .. ':turn:' .. lane, tenant)
  end
  redis.call('HSET', base .. ':charged', id, string.format('%s %.17g %.17g', lane, tag + charge, charge))
  redis.call('HDEL', base .. ':waiting', id)
  redis.call('HDEL', base .. ':lane', id)
  redis.call('ZADD', base .. ':lease', now, id)
  redis.call('HSET', base .. ':leased', id, lane .. payload)
  return payload
end

local free = tonumber(ARGV[1]) - redis.call('LLEN', KEYS[2]) - redis.call('LLEN', KEYS[3])
  - redis.call('ZCARD', base .. ':lease')
local taken = {}
while free > 0 do
  local onboarding = redis.call('EXISTS', base .. ':turn:o') == 1
  local rest = redis.call('EXISTS', base .. ':turn:r') == 1
  if not onboarding and not rest then break end
  local row = tonumber(redis.call('GET', base .. ':row') or '0')
  local lane = (onboarding and (not rest or row < tonumber(ARGV[3]))) and 'o' or 'r'
  redis.call('SET', base .. ':row', lane == 'o' and rest and row + 1 or 0)
  taken[#taken + 1] = take(lane)
  free = free - 1
end
return taken
`

/** KEYS base; ARGV ids. What was taken is in the train queue now. */
export const CONFIRM = `
for _, id in ipairs(ARGV) do
  redis.call('ZREM', KEYS[1] .. ':lease', id)
  redis.call('HDEL', KEYS[1] .. ':leased', id)
end
`

/** KEYS base; ARGV ids. Makes their leases old: the next feed takes what is under them again. */
export const GIVE_BACK = `
for _, id in ipairs(ARGV) do redis.call('ZADD', KEYS[1] .. ':lease', 'XX', 0, id) end
`

/**
 * KEYS base; ARGV id, tenant, measured cost in ms, weight, first guess of a cost in ms. Moves the
 * tenant's tag from what was charged to what it cost.
 */
export const FINISHED = `
local base, id, tenant, cost = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local mean = tonumber(redis.call('GET', base .. ':mean') or ARGV[5])
redis.call('SET', base .. ':mean', string.format('%.17g', math.max(1, mean * 0.9 + cost * 0.1)))
local charged = redis.call('HGET', base .. ':charged', id)
if not charged then return 0 end
redis.call('HDEL', base .. ':charged', id)
local lane, finish, charge = string.match(charged, '^(%a) (%S+) (%S+)$')
local before = tonumber(redis.call('ZSCORE', base .. ':tags:' .. lane, tenant) or finish)
local after = before + cost / tonumber(ARGV[4]) - tonumber(charge)
local vt = tonumber(redis.call('GET', base .. ':vt:' .. lane) or '0')
if after > vt then
  redis.call('ZADD', base .. ':tags:' .. lane, after, tenant)
else
  redis.call('ZREM', base .. ':tags:' .. lane, tenant)
end
local turn = tonumber(redis.call('ZSCORE', base .. ':turn:' .. lane, tenant) or '-1')
if turn >= 0 and (turn == before or after > turn) then
  redis.call('ZADD', base .. ':turn:' .. lane, math.max(0, after), tenant)
end
return 1
`
