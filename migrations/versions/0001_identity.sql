-- People, their sessions and tokens, what they may do, and the record of what happened to their accounts.
-- No token is stored, only SHA-256 of it: who reads this database can sign in as nobody.

create table users (
    id uuid primary key,
    name text not null check (name <> '' and char_length(name) <= 80),
    email text check (octet_length(email) <= 254),
    email_confirmed_at timestamptz,
    role text not null default 'member' check (role in ('admin', 'member', 'guest')),
    host_id uuid references users (id) on delete cascade,
    password_hash text,
    password_changed_at timestamptz,
    language text check (char_length(language) <= 20),
    disabled_at timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    -- A guest lives on somebody's player and has neither address nor password.
    check ((role = 'guest') = (host_id is not null)),
    check (role <> 'guest' or (email is null and password_hash is null))
);
create unique index users_email on users (lower(email));
create index users_host on users (host_id) where host_id is not null;
create index users_admins on users (id) where role = 'admin';

create table sessions (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    kind text not null check (kind in ('browser', 'program', 'guest')),
    -- The cookie's token; a program has refresh tokens instead.
    token_hash bytea unique check (octet_length(token_hash) = 32),
    -- The 256-bit key its refresh tokens are made with, encrypted under the server's secret.
    refresh_key bytea,
    player_id uuid,
    device_id uuid,
    device_info jsonb not null default '{}',
    ip_address text,
    user_agent text,
    authenticated_at timestamptz not null,
    last_activity timestamptz not null default clock_timestamp(),
    created_at timestamptz not null default clock_timestamp(),
    -- Moves on while the session is used, at most as far as the absolute end.
    expires_at timestamptz not null,
    absolute_expires_at timestamptz not null,
    ended_at timestamptz,
    ended_because text check ((ended_because is null) = (ended_at is null)),
    check (token_hash is not null or refresh_key is not null)
);
create index sessions_user on sessions (user_id, last_activity desc) where ended_at is null;
create index sessions_over on sessions (expires_at);

-- Sessions that nobody has ended, with whom they belong to. A disabled host takes his guests along.
create view open_sessions as
select s.id, s.kind, s.token_hash, s.player_id, s.device_id, s.authenticated_at, s.last_activity, s.expires_at,
       u.id as user_id, u.name, u.email, u.role, u.host_id
from sessions s
join users u on u.id = s.user_id
left join users h on h.id = u.host_id
where s.ended_at is null and u.disabled_at is null and h.disabled_at is null;

-- One row per generation. A token is session id, generation and an HMAC of both, so it can be made again
-- when its answer was lost; its hash stands here so that a leaked session key alone makes no valid token.
create table refresh_tokens (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    session_id uuid not null references sessions (id) on delete cascade,
    generation bigint not null check (generation >= 1),
    token_hash bytea not null unique check (octet_length(token_hash) = 32),
    expires_at timestamptz not null,
    created_at timestamptz not null default clock_timestamp(),
    replaced_at timestamptz,
    confirmed_at timestamptz,
    is_revoked boolean not null default false,
    unique (session_id, generation)
);
create index refresh_tokens_user on refresh_tokens (user_id);
create index refresh_tokens_over on refresh_tokens (expires_at);

-- subject "user:<id>", resource "player:<id>": identity knows neither players nor anything else by type.
create table grants (
    subject text not null check (subject <> ''),
    resource text not null check (resource <> ''),
    "right" text not null check ("right" <> ''),
    granted_by uuid references users (id) on delete set null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (subject, resource, "right")
);
create index grants_resource on grants (resource);

create table signing_keys (
    kid text primary key,
    public_key bytea not null,
    -- PKCS#8, encrypted under the server's secret.
    private_key bytea not null,
    created_at timestamptz not null default clock_timestamp(),
    -- From then on it signs nothing, and 24 hours later it is deleted.
    retired_at timestamptz
);

-- The one-time code by which the first administrator proves that he can see this server's terminal.
create table setup_codes (
    only_one boolean primary key default true check (only_one),
    code_hash bytea not null check (octet_length(code_hash) = 32),
    created_at timestamptz not null default clock_timestamp()
);

-- Letters on their way. A registration is nothing but a letter until its link is used: the name and the
-- password wait here, so an address that nobody confirmed never owns a row in users.
create table letters (
    id uuid primary key,
    purpose text not null check (purpose in (
        'register', 'already_registered', 'confirm_email', 'reset_password', 'password_changed', 'token_reused'
    )),
    address text not null check (address <> ''),
    user_id uuid references users (id) on delete cascade,
    name text,
    password_hash text,
    language text,
    token_hash bytea unique check (octet_length(token_hash) = 32),
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    used_at timestamptz,
    sent_at timestamptz,
    refused_at timestamptz,
    refusal text
);
create index letters_address on letters (lower(address), purpose, created_at desc);
create index letters_user on letters (user_id) where user_id is not null;
create index letters_over on letters (expires_at);

-- Failed sign-ins in a row by what they have in common; key is a hash, so no unknown address is kept.
create table sign_in_failures (
    scope text not null check (scope in ('account', 'pair', 'network', 'device')),
    key bytea not null check (octet_length(key) = 32),
    failures integer not null default 0 check (failures >= 0),
    since timestamptz not null default clock_timestamp(),
    blocked_until timestamptz,
    updated_at timestamptz not null default clock_timestamp(),
    primary key (scope, key)
);
create index sign_in_failures_over on sign_in_failures (updated_at);

-- Browsers from which a person has signed in before: no stranger's failures lock them out.
create table known_devices (
    token_hash bytea primary key check (octet_length(token_hash) = 32),
    user_id uuid not null references users (id) on delete cascade,
    created_at timestamptz not null default clock_timestamp(),
    last_used_at timestamptz not null default clock_timestamp()
);
create index known_devices_user on known_devices (user_id);

create table socket_tickets (
    token_hash bytea primary key check (octet_length(token_hash) = 32),
    session_id uuid not null references sessions (id) on delete cascade,
    expires_at timestamptz not null
);
create index socket_tickets_over on socket_tickets (expires_at);

create table guest_invitations (
    id uuid primary key,
    host_id uuid not null references users (id) on delete cascade,
    player_id uuid not null,
    rights text[] not null check (cardinality(rights) > 0),
    token_hash bytea not null unique check (octet_length(token_hash) = 32),
    uses_left integer not null check (uses_left >= 0),
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null
);
create index guest_invitations_host on guest_invitations (host_id);
create index guest_invitations_over on guest_invitations (expires_at);

-- What happened to accounts. Written in the transaction of the change, never altered, kept one year; no
-- foreign keys, because it must outlast whom it tells of.
create table security_events (
    id uuid primary key,
    at timestamptz not null default clock_timestamp(),
    user_id uuid,
    actor_id uuid,
    on_behalf_of uuid,
    session_id uuid,
    action text not null check (action <> ''),
    target text,
    result text not null check (result in ('ok', 'refused')),
    ip_address text,
    user_agent text,
    details jsonb not null default '{}'
);
create index security_events_user on security_events (user_id, id desc);
create index security_events_at on security_events (at);

create function security_events_stay() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and old.at < clock_timestamp() - interval '1 year' then
        return old;
    end if;
    raise exception 'security events are never changed' using errcode = 'insufficient_privilege';
end
$$;
create trigger security_events_stay before update or delete on security_events
    for each row execute function security_events_stay();
create trigger security_events_are_not_emptied before truncate on security_events
    for each statement execute function security_events_stay();

-- The first answer to a request that creates something, given again when the request is repeated (R40).
create table idempotency_keys (
    user_id uuid not null references users (id) on delete cascade,
    route text not null check (route <> ''),
    key text not null check (key <> '' and char_length(key) <= 200),
    request_hash bytea not null,
    -- null while the first request is still being carried out
    answered_at timestamptz,
    -- JSON, encrypted under the server's secret: an answer may hold a token that is shown only once
    answer bytea,
    created_at timestamptz not null default clock_timestamp(),
    primary key (user_id, route, key)
);
create index idempotency_keys_over on idempotency_keys (created_at);
