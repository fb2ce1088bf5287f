-- What makes the player exact: who is there, what was carried out already, how it was mixed before. It only
-- adds, so older code goes on beside it.

alter table queues
    -- Until when each output is counted upon without another word; one that has left is not in it.
    add column awaited jsonb not null default '{}',
    -- Since when what passes is heard; null while no output has said a word since the music began.
    add column heard_since timestamptz,
    -- The last commands of the volume, which a slider sends by the dozen; recent_commands keeps pause and seek.
    add column recent_loudness bytea not null default '';

-- The commands of the last ten minutes that must not be carried out twice.
create table player_commands (
    queue_id uuid not null references queues (id) on delete cascade,
    command_id uuid not null,
    done_at timestamptz not null default clock_timestamp(),
    primary key (queue_id, command_id)
);

-- How a queue was mixed before a change mixed it anew: undo goes back to that.
create table shuffled_orders (
    queue_id uuid not null references queues (id) on delete cascade,
    -- The change that put another order in its place.
    replaced_in bigint not null,
    item_ids uuid[] not null,
    places double precision[] not null,
    primary key (queue_id, replaced_in)
);
