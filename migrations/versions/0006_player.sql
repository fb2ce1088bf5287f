-- Players: one small row that every command locks, its queue as rows, and what was heard.

-- A player. All that pause, seek and volume need is in this one row, so it is written often: half of each
-- page is left free for its next versions, no index names a column that changes, and nothing is moved out of
-- line below a page's size.
create table queues (
    id uuid primary key,
    user_id uuid unique references users (id) on delete cascade,
    version bigint not null default 0 check (version >= 0),
    -- The items as they travel, copied here so that the state is one read.
    item jsonb,
    next jsonb,
    current_index bigint not null default 0 check (current_index >= 0),
    is_playing boolean not null default false,
    position_ms bigint not null default 0 check (position_ms >= 0),
    -- When the position was true; ahead of now while a start is arranged.
    anchored_at timestamptz not null default clock_timestamp(),
    is_shuffled boolean not null default false,
    repeat_mode text not null default 'none' check (repeat_mode in ('none', 'one', 'all')),
    volume double precision not null default 1 check (volume between 0 and 1),
    muted boolean not null default false,
    outputs jsonb not null default '[]',
    handoff jsonb,
    output_seen_at timestamptz,
    queue_version bigint not null default 0 check (queue_version >= 0),
    queue_length bigint not null default 0 check (queue_length >= 0),
    notice jsonb,
    -- What of the current item has been heard; becomes a row of play_history when it ends.
    hearing jsonb,
    failures bigint not null default 0,
    -- The last 64 command ids with the versions they made, 24 bytes each.
    recent_commands bytea not null default '',
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    check (item is not null or not is_playing)
) with (fillfactor = 50, toast_tuple_target = 8160);

-- One item, one row, so that an edit writes what it moves and not the list. song_id names no songs row on
-- purpose: an item outlives its song and is then skipped with a reason.
create table queue_items (
    item_id uuid primary key,
    queue_id uuid not null references queues (id) on delete cascade,
    song_id uuid not null,
    kind text not null default 'song' check (kind in ('song')),
    -- Title, artist and the like as they were when it was added, and where it was added from.
    details jsonb not null,
    rank double precision not null,
    shuffle_rank double precision not null,
    added_by uuid references users (id) on delete set null,
    added_at timestamptz not null default clock_timestamp(),
    -- The queue_version that put it in, and those that put it back in: undoing any of them takes it out again.
    put_in bigint[] not null,
    -- The queue_version that took it out. The row stays at its rank as long as undo can bring it back.
    removed_in bigint
);
-- Few indexes on purpose: shuffling writes every row of a queue into each of them.
create index queue_items_in_order on queue_items (queue_id, rank, item_id) where removed_in is null;
create index queue_items_shuffled on queue_items (queue_id, shuffle_rank, item_id) where removed_in is null;
create index queue_items_removed on queue_items (queue_id, removed_in) where removed_in is not null;

-- The queue once by each order: ask with the player's is_shuffled and for removed_in is null. Without
-- conditions of its own, so that PostgreSQL sees through it to the index of the order asked for.
create view queue_places as
select queue_id, false as is_shuffled, rank as place, item_id, song_id, details, removed_in from queue_items
union all
select queue_id, true, shuffle_rank, item_id, song_id, details, removed_in from queue_items;

-- The last changes of each queue, at least 200 that can be undone: who made it, what everybody was told, and what takes it back.
create table queue_changes (
    queue_id uuid not null references queues (id) on delete cascade,
    queue_version bigint not null,
    kind text not null check (kind in ('change', 'undo', 'redo', 'play')),
    made_by uuid references users (id) on delete set null,
    made_at timestamptz not null default clock_timestamp(),
    -- As announced; null when everybody was told to reload.
    told jsonb,
    inverse jsonb not null,
    undone boolean not null default false,
    primary key (queue_id, queue_version)
);
create index queue_changes_made_by on queue_changes (made_by) where made_by is not null;

-- What was heard, and how much of it.
create table play_history (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    queue_id uuid references queues (id) on delete set null,
    song_id uuid not null references songs (id) on delete cascade,
    played_at timestamptz not null default clock_timestamp(),
    -- Seconds actually played.
    played_duration bigint check (played_duration >= 0),
    completed boolean not null default false,
    source text check (source in ('queue', 'search', 'album', 'playlist', 'radio', 'remote', 'group'))
);
create index play_history_user on play_history (user_id, played_at desc, id desc);
create index play_history_queue on play_history (queue_id, played_at desc, id desc);
create index play_history_song on play_history (song_id);

-- A browser profile or a program. It speaks through one session at a time.
create table devices (
    id uuid primary key,
    queue_id uuid not null references queues (id) on delete cascade,
    user_id uuid not null references users (id) on delete cascade,
    session_id uuid unique references sessions (id) on delete set null,
    name text not null check (name <> '' and char_length(name) <= 80),
    kind text not null check (kind in ('browser', 'phone', 'tablet', 'computer', 'tv', 'program')),
    can_play boolean not null,
    delay_ms bigint not null default 0 check (delay_ms between -2000 and 2000),
    last_seen_at timestamptz not null default clock_timestamp(),
    -- Its socket was closed and it has not been heard since.
    left_at timestamptz,
    created_at timestamptz not null default clock_timestamp()
);
create index devices_queue on devices (queue_id, last_seen_at desc);
create index devices_user on devices (user_id);
