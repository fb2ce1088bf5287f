-- raise_topics
-- The new version of each topic this commit announces something on; sorted by the caller against deadlocks.
insert into topics (topic, version)
select topic, 1 from unnest(cast(:topics as text[])) as topic
on conflict (topic) do update set version = topics.version + 1
returning topic, version;

-- add_job
-- A job's row, in the commit that made it true; one waiting row per unique key.
insert into jobs (id, name, arguments, priority, run_at, unique_key, request_id)
values (:id, :name, :arguments, :priority, coalesce(:run_at, clock_timestamp()), :unique_key, :request_id)
on conflict (unique_key) where state in ('queued', 'sent') do nothing;

-- wake_relay
-- The relay listens and sends what is due as soon as this commits.
select pg_notify('jobs', '');
