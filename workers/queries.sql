-- due
-- What may go to the broker now: the urgent first, and per queue as many as it still has room for.
with known as materialized (
    select k.name, k.queue from unnest(cast(:names as text[]), cast(:queues as text[])) as k (name, queue)
),
room as (
    select each.queue, cast(:most as bigint) - (
        select count(*) from jobs
        where state in ('sent', 'running') and name in (select name from known where known.queue = each.queue)
    ) as places
    from (select distinct queue from known) as each
)
select due.id, due.name, room.queue
from room cross join lateral (
    select id, name from jobs
    where state = 'queued' and run_at <= clock_timestamp()
        and name in (select name from known where known.queue = room.queue)
    order by priority desc, run_at
    limit greatest(room.places, 0)
) as due;

-- mark_sent
-- After they were sent: a relay that dies in between sends them twice, which the claim sorts out (F29).
update jobs set state = 'sent', sent_at = clock_timestamp()
where id = any(cast(:ids as uuid[])) and state = 'queued';

-- next_due_in
-- Seconds until the next job that waits for its time, or null.
select cast(extract(epoch from min(run_at) - clock_timestamp()) as double precision)
from jobs where state = 'queued' and run_at > clock_timestamp();

-- sent_long_ago
-- Jobs of these names that the broker should have handed out by now: it may have lost them (F6).
select id from jobs
where state = 'sent' and sent_at < clock_timestamp() - make_interval(secs => :patience_s)
    and name = any(cast(:names as text[]));

-- resend
-- Let the relay send these again.
update jobs set state = 'queued' where id = any(cast(:ids as uuid[])) and state = 'sent';

-- silent
-- Jobs whose worker is silent beyond its lease.
select id from jobs where state = 'running' and lease_until < clock_timestamp();

-- take_back
-- Somebody else may have it now; the fence moves when he claims it.
update jobs set state = 'queued', lease_until = null
where id = :id and state = 'running' and lease_until < clock_timestamp();

-- supersede
-- The same is waiting already (unique_key): this one has no more to do.
update jobs set state = 'done', lease_until = null, finished_at = clock_timestamp()
where id = :id and state = 'running' and lease_until < clock_timestamp();

-- claim
-- Take a job, counting the attempt before it starts, so that one that kills its worker is counted too (F20).
update jobs set
    state = 'running', attempts = attempts + 1, fence = fence + 1,
    lease_until = clock_timestamp() + make_interval(secs => :lease_s)
where id = :id and state in ('queued', 'sent') and run_at <= clock_timestamp()
returning id, name, arguments, attempts, fence, request_id;

-- renew
-- The worker still works. No row when somebody else has the job by now.
update jobs set lease_until = clock_timestamp() + make_interval(secs => :lease_s)
where id = :id and fence = :fence and state = 'running'
returning true;

-- hold_fence
-- Whether the job is still ours; if so nobody can take it before this commit (F19).
select true from jobs where id = :id and fence = :fence and state = 'running' for share;

-- done
-- It has happened.
update jobs set state = 'done', lease_until = null, finished_at = clock_timestamp(), error = null
where id = :id and fence = :fence and state = 'running';

-- try_again
-- It failed, and is tried again later.
update jobs set
    state = 'queued', lease_until = null, error = :error,
    run_at = clock_timestamp() + make_interval(secs => :wait_s)
where id = :id and fence = :fence and state = 'running';

-- give_up
-- It failed for good.
update jobs set state = 'failed', lease_until = null, finished_at = clock_timestamp(), error = :error
where id = :id and fence = :fence and state = 'running'
returning true;

-- hand_back
-- A worker that stops gives back what it has not begun to change: the attempt does not count.
update jobs set state = 'queued', lease_until = null, attempts = greatest(attempts - 1, 0)
where id = :id and fence = :fence and state = 'running';

-- wake_relay
-- The relay listens.
select pg_notify('jobs', '');

-- last_enqueued
-- When a periodic job was last enqueued.
select max(created_at) from jobs where name = :name;

-- forget_old
-- Done is remembered for a day, failed for a month.
delete from jobs
where state = 'done' and finished_at < clock_timestamp() - interval '1 day'
    or state = 'failed' and finished_at < clock_timestamp() - interval '30 days';
