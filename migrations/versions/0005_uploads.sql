-- Files on their way in: what is promised, what has arrived, and how it ended.

create table upload_sessions (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    -- A label for people. It never becomes a path.
    file_name text not null check (file_name <> '' and octet_length(file_name) <= 255),
    file_size bigint not null check (file_size > 0),
    -- As claimed; what the file is, its content decides.
    mime_type text not null default '',
    chunk_size bigint not null check (chunk_size > 0),
    total_chunks integer not null check (total_chunks between 1 and 10000),
    -- One upload is used by one protocol.
    protocol text not null default 'chunks' check (protocol in ('chunks', 'direct')),
    status text not null default 'pending' check (
        status in (
            'pending', 'uploading', 'assembling', 'checking', 'indexing',
            'ready', 'failed', 'cancelled', 'expired'
        )
    ),
    -- Promised by the client, and found by the worker. The second one names the place of the finished file, so
    -- that a worker who takes over finds it even when the first one died between renaming and committing.
    sha256 bytea check (octet_length(sha256) = 32),
    content_sha256 bytea check (octet_length(content_sha256) = 32),
    file_id uuid references media_files (id) on delete set null,
    song_id uuid references songs (id) on delete set null,
    -- Why it failed: the problem's code and its sentence.
    problem text,
    detail text,
    metadata jsonb not null default '{}',
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    -- When progress was last announced.
    told_at timestamptz,
    check (
        file_size > (total_chunks - 1) * chunk_size and file_size <= total_chunks * chunk_size
    ),
    check (status <> 'failed' or problem is not null)
);
create index upload_sessions_open on upload_sessions (user_id, id)
    where status in ('pending', 'uploading', 'assembling', 'checking', 'indexing');
create index upload_sessions_idle on upload_sessions (expires_at) where status in ('pending', 'uploading');
create index upload_sessions_over on upload_sessions (updated_at)
    where status in ('ready', 'failed', 'cancelled', 'expired');
create index upload_sessions_content on upload_sessions (content_sha256) where content_sha256 is not null;
create index upload_sessions_user on upload_sessions (user_id, created_at);

-- A chunk is leased to the request that receives it; it has arrived when its SHA-256 stands here, and then it is
-- never written again.
create table upload_chunks (
    upload_id uuid not null references upload_sessions (id) on delete cascade,
    index integer not null check (index >= 0),
    lease uuid,
    lease_until timestamptz,
    size bigint check (size > 0),
    sha256 bytea check (octet_length(sha256) = 32),
    arrived_at timestamptz,
    primary key (upload_id, index),
    check ((sha256 is null) = (size is null)),
    check ((lease is null) = (lease_until is null)),
    check (sha256 is null or lease is null)
);
create index upload_chunks_receiving on upload_chunks (lease_until) where lease is not null;
