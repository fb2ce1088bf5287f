-- What is done later, and the versions by which a listener tells that he missed something.

create table jobs (
    id uuid primary key,
    name text not null check (name <> ''),
    arguments jsonb not null default '{}',
    priority integer not null default 0,
    run_at timestamptz not null default clock_timestamp(),
    state text not null default 'queued' check (state in ('queued', 'sent', 'running', 'done', 'failed')),
    attempts integer not null default 0 check (attempts >= 0),
    lease_until timestamptz,
    fence bigint not null default 0,
    request_id text not null default '',
    error text,
    unique_key text,
    created_at timestamptz not null default clock_timestamp(),
    sent_at timestamptz,
    finished_at timestamptz
);
create unique index jobs_unique_key on jobs (unique_key) where state in ('queued', 'sent');
create index jobs_due on jobs (priority desc, run_at) where state = 'queued';
create index jobs_in_flight on jobs (state, lease_until, sent_at) where state in ('sent', 'running');
create index jobs_finished on jobs (finished_at) where state in ('done', 'failed');

create table topics (
    topic text primary key,
    version bigint not null check (version > 0)
);
