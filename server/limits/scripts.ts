import { parallelRetryMs, windowMs } from "./limiter.ts";

/**
 * What Redis does in one step each. All times are its own: the clocks of replicas differ.
 *
 * A minute of requests or tokens is a hash of `start` and `taken` that expires with the minute. The start is its name: by
 * it a call that ends late knows a minute that is not the one it took from. Calls at once are a sorted set of leases,
 * ids of slots by the time that they lapse.
 *
 * The keys of a call lie anywhere, so this is for one Redis and not for a cluster of them.
 */

/**
 * Takes from all of its counters or from none. Replicas cannot both take the last of one: a script runs alone.
 *
 * `KEYS` are the counters; `ARGV` the slot's id, the length of a lease, and for each counter its kind, limit and amount.
 * It replies which counter refuses (the first is 1, none is 0) and for how long, then for each counter what is taken,
 * the time until it begins anew, and the start of its minute.
 */
export const takeScript = `
local call = redis.call
local time = call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local slot, lease = ARGV[1], ARGV[2]
local taken, resets, starts, refusing, longest = {}, {}, {}, 0, 0

for i, key in ipairs(KEYS) do
  local kind, limit, amount = ARGV[3 * i], tonumber(ARGV[3 * i + 1]), tonumber(ARGV[3 * i + 2])
  local wait = ${parallelRetryMs}
  if kind == "parallel" then
    call("ZREMRANGEBYSCORE", key, "-inf", string.format("%d", now))
    taken[i], starts[i] = call("ZCARD", key), 0
  else
    local found = call("HMGET", key, "start", "taken")
    local start = tonumber(found[1] or now)
    -- A minute too early is as wrong as one too late: a clock that was set back must not make it last for hours.
    if not found[1] or math.abs(now - start) >= ${windowMs} then
      taken[i], starts[i] = 0, now
    else
      taken[i], starts[i] = tonumber(found[2]), start
    end
    wait = starts[i] + ${windowMs} - now
  end
  local alone = kind == "tokens" and taken[i] == 0
  if (limit == 0 or (taken[i] + amount > limit and not alone)) and wait > longest then
    refusing, longest = i, wait
  end
end

for i, key in ipairs(KEYS) do
  local kind, amount = ARGV[3 * i], ARGV[3 * i + 2]
  local left = starts[i] + ${windowMs} - now
  if refusing == 0 then
    -- Numbers go as text: Redis would write them out as fractions, at two microseconds each.
    if kind == "parallel" then
      call("ZADD", key, string.format("%d", now + lease), slot)
      call("PEXPIRE", key, lease)
    elseif taken[i] == 0 then
      call("HSET", key, "start", string.format("%d", starts[i]), "taken", amount)
      call("PEXPIRE", key, string.format("%d", left))
    else
      call("HINCRBY", key, "taken", amount)
    end
    taken[i] = taken[i] + amount
  end
  resets[i] = (kind == "parallel" or taken[i] == 0) and 0 or left
end
return { refusing, longest, taken, resets, starts }`;

/**
 * Gives back to counters. `ARGV` is the slot's id, and for each of `KEYS` the start of the minute that it took from and
 * what to add to it now; for a parallel counter two empty words. A minute that is over is left alone.
 */
export const giveBackScript = `
for i, key in ipairs(KEYS) do
  local start, change = ARGV[2 * i], ARGV[2 * i + 1]
  if start == "" then
    redis.call("ZREM", key, ARGV[1])
  elseif redis.call("HGET", key, "start") == start then
    redis.call("HINCRBY", key, "taken", change)
  end
end`;

/**
 * Renews the leases of a parallel counter, and makes anew those that Redis has lost. `ARGV` is the length of a lease,
 * then the ids of slots.
 */
export const renewScript = `
local time = redis.call("TIME")
local lapses = string.format("%d", time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1])
for i = 2, #ARGV do redis.call("ZADD", KEYS[1], lapses, ARGV[i]) end
redis.call("PEXPIRE", KEYS[1], ARGV[1])`;
