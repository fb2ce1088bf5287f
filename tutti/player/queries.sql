-- own_player_for_update
-- The hot path: whose it is, the whole state and the time, in one round trip. The time is read after the lock.
with s as materialized (
    select * from queues
    where user_id = :person_id and (cast(:player_id as uuid) is null or id = :player_id)
    for update
)
select s.id, s.user_id, s.version, s.item, s.next, s.current_index, s.is_playing, s.position_ms, s.anchored_at,
       s.is_shuffled, s.repeat_mode, s.volume, s.muted, s.outputs, s.handoff, s.output_seen_at, s.queue_version,
       s.queue_length, s.notice, s.hearing, s.failures, s.awaited, s.heard_since,
       s.recent_commands, s.recent_loudness, s.updated_at,
       exists (select from player_commands c where c.queue_id = s.id and c.command_id = :command_id) as was_done,
       clock_timestamp() as read_at
from s;

-- player_for_update
-- The same for whoever has a right on it, or for nobody (a server's timer).
with s as materialized (select * from queues where id = :player_id for update)
select s.id, s.user_id, s.version, s.item, s.next, s.current_index, s.is_playing, s.position_ms, s.anchored_at,
       s.is_shuffled, s.repeat_mode, s.volume, s.muted, s.outputs, s.handoff, s.output_seen_at, s.queue_version,
       s.queue_length, s.notice, s.hearing, s.failures, s.awaited, s.heard_since,
       s.recent_commands, s.recent_loudness, s.updated_at,
       exists (select from player_commands c where c.queue_id = s.id and c.command_id = :command_id) as was_done,
       clock_timestamp() as read_at
from s;

-- own_players_unlocked
-- The lightest way, for many at once: nothing is locked, and a row's mark tells at the write whether somebody wrote
-- meanwhile. Whether a command was carried out before is of the same moment as the row.
select q.id, q.user_id, q.version, q.item, q.next, q.current_index, q.is_playing, q.position_ms, q.anchored_at,
       q.is_shuffled, q.repeat_mode, q.volume, q.muted, q.outputs, q.handoff, q.output_seen_at, q.queue_version,
       q.queue_length, q.notice, q.hearing, q.failures, q.awaited, q.heard_since, q.recent_commands,
       q.recent_loudness, q.updated_at,
       w.command_id is not null and exists (
           select from player_commands c where c.queue_id = q.id and c.command_id = w.command_id
       ) as was_done,
       clock_timestamp() as read_at,
       cast(cast(q.xmin as text) as bigint) as row_mark,
       w.place
from unnest(cast(:person_ids as uuid[]), cast(:player_ids as uuid[]), cast(:command_ids as uuid[]))
    with ordinality as w (person_id, player_id, command_id, place)
join queues q on q.user_id = w.person_id and (w.player_id is null or q.id = w.player_id);

-- player_to_read
-- To show it; locks nothing.
select id, user_id, version, item, next, current_index, is_playing, position_ms, anchored_at, is_shuffled,
       repeat_mode, volume, muted, outputs, handoff, output_seen_at, queue_version, queue_length, notice, hearing,
       failures, awaited, heard_since, updated_at, clock_timestamp() as read_at
from queues
where id = :player_id;

-- save_player
-- All that a command may change, in one statement; and that it was carried out, unless another has just done it.
with done as (
    insert into player_commands (queue_id, command_id)
    select :id, :command_id where cast(:command_id as uuid) is not null
    on conflict do nothing
    returning command_id
)
update queues set
    version = :version, item = :item, next = :next, current_index = :current_index, is_playing = :is_playing,
    position_ms = :position_ms, anchored_at = :anchored_at, is_shuffled = :is_shuffled,
    repeat_mode = :repeat_mode, volume = :volume, muted = :muted, outputs = :outputs, handoff = :handoff,
    output_seen_at = :output_seen_at, queue_version = :queue_version, queue_length = :queue_length,
    notice = :notice, hearing = :hearing, failures = :failures, awaited = :awaited, heard_since = :heard_since,
    recent_commands = :recent_commands, recent_loudness = :recent_loudness, updated_at = :updated_at
where id = :id and cast(:row_mark as bigint) in (0, cast(cast(xmin as text) as bigint))
  and (cast(:command_id as uuid) is null or exists (select from done));

-- keep_commands
-- Those for which there is no room left in the player's row.
insert into player_commands (queue_id, command_id)
select :id, command_id from unnest(cast(:command_ids as uuid[])) as moving (command_id)
on conflict do nothing;

-- forget_commands
-- What was carried out so long ago is not sent again.
delete from player_commands where done_at < clock_timestamp() - cast(:remembered as interval);

-- save_courses
-- What pause, seek, volume and a sign of life change, of many at once: the hot path, without the documents. A row
-- that somebody holds is passed over, so that nobody waits for a stranger. Answers which were written.
with free as materialized (
    select id from queues where id = any(cast(:id as uuid[])) for no key update skip locked
)
update queues q set
    version = w.version, is_playing = w.is_playing, position_ms = w.position_ms, anchored_at = w.anchored_at,
    volume = w.volume, muted = w.muted, output_seen_at = w.output_seen_at, hearing = w.hearing,
    recent_commands = w.recent_commands, recent_loudness = w.recent_loudness, updated_at = w.updated_at
from unnest(
    cast(:id as uuid[]), cast(:row_mark as bigint[]), cast(:version as bigint[]), cast(:is_playing as boolean[]),
    cast(:position_ms as bigint[]), cast(:anchored_at as timestamptz[]), cast(:volume as double precision[]),
    cast(:muted as boolean[]), cast(:output_seen_at as timestamptz[]), cast(:hearing as jsonb[]),
    cast(:recent_commands as bytea[]), cast(:recent_loudness as bytea[]), cast(:updated_at as timestamptz[])
) with ordinality as w (
    id, row_mark, version, is_playing, position_ms, anchored_at, volume, muted, output_seen_at, hearing,
    recent_commands, recent_loudness, updated_at, place
)
join free on free.id = w.id
where q.id = w.id and w.row_mark in (0, cast(cast(q.xmin as text) as bigint))
returning w.place;

-- make_player
-- A person's player comes into being when it is first asked for.
insert into queues (id, user_id) values (:id, :person_id)
on conflict (user_id) do nothing
returning id;

-- own_player_id
-- Whose player it is, without the state.
select id from queues where user_id = :person_id;

-- owner_of_player
-- Null for a player that no person owns; no row for none at all.
select user_id from queues where id = :player_id;

-- version_of_player
-- How far it has come.
select version from queues where id = :player_id;

-- versions
-- What listeners compare with what they were sent.
select id, version from queues where id = any(cast(:player_ids as uuid[]));

-- window
-- The queue around one item. One that was taken out still has its rank, so its place is known. Counting how
-- many stand before it reads them all, so that is only done when it is not known.
with center as (
    select coalesce(i.item_id, cast('00000000-0000-0000-0000-000000000000' as uuid)) as item_id,
           coalesce(case when :is_shuffled then i.shuffle_rank else i.rank end, '-infinity') as place
    from (select) one
    left join queue_items i on i.item_id = cast(:item_id as uuid) and i.queue_id = :queue_id
)
select
    (select jsonb_build_object('itemId', p.item_id, 'songId', p.song_id) || p.details
     from queue_places p
     where p.queue_id = :queue_id and p.is_shuffled = :is_shuffled and p.removed_in is null and p.item_id = center.item_id) as item,
    case when :counts then (
        select count(*) from queue_places p
        where p.queue_id = :queue_id and p.is_shuffled = :is_shuffled and p.removed_in is null
          and (p.place, p.item_id) < (center.place, center.item_id)
    ) end as index,
    (select coalesce(jsonb_agg(x.item order by x.place, x.item_id), '[]') from (
        select p.place, p.item_id, jsonb_build_object('itemId', p.item_id, 'songId', p.song_id) || p.details as item
        from queue_places p
        where p.queue_id = :queue_id and p.is_shuffled = :is_shuffled and p.removed_in is null
          and (p.place, p.item_id) < (center.place, center.item_id)
        order by p.place desc, p.item_id desc limit :size
    ) x) as before,
    (select coalesce(jsonb_agg(x.item order by x.place, x.item_id), '[]') from (
        select p.place, p.item_id, jsonb_build_object('itemId', p.item_id, 'songId', p.song_id) || p.details as item
        from queue_places p
        where p.queue_id = :queue_id and p.is_shuffled = :is_shuffled and p.removed_in is null
          and (p.place, p.item_id) > (center.place, center.item_id)
        order by p.place, p.item_id limit :size
    ) x) as after,
    (select coalesce(jsonb_agg(x.item order by x.place, x.item_id), '[]') from (
        select p.place, p.item_id, jsonb_build_object('itemId', p.item_id, 'songId', p.song_id) || p.details as item
        from queue_places p
        where p.queue_id = :queue_id and p.is_shuffled = :is_shuffled and p.removed_in is null and :goes_round
        order by p.place, p.item_id limit :size
    ) x) as head,
    (select coalesce(jsonb_agg(x.item order by x.place, x.item_id), '[]') from (
        select p.place, p.item_id, jsonb_build_object('itemId', p.item_id, 'songId', p.song_id) || p.details as item
        from queue_places p
        where p.queue_id = :queue_id and p.is_shuffled = :is_shuffled and p.removed_in is null and :goes_round
        order by p.place desc, p.item_id desc limit :size
    ) x) as tail
from center;

-- page
-- Part of the queue in playing order.
select item_id, song_id, details ->> 'title' as title, details ->> 'artist' as artist, details ->> 'album' as album,
       cast(details ->> 'durationMs' as bigint) as duration_ms, details ->> 'coverUrl' as cover_url,
       details -> 'addedBy' as added_by, details ->> 'source' as source
from queue_places
where queue_id = :queue_id and is_shuffled = :is_shuffled and removed_in is null
order by place, item_id
offset :first limit :count;

-- indexes
-- Where these items stand in playing order, those further back first.
select i.item_id, (
    select count(*) from queue_places p
    where p.queue_id = :queue_id and p.is_shuffled = :is_shuffled and p.removed_in is null and (p.place, p.item_id) < (i.place, i.item_id)
) as index
from queue_places i
where i.queue_id = :queue_id and i.is_shuffled = :is_shuffled and i.removed_in is null and i.item_id = any(cast(:item_ids as uuid[]))
order by i.place desc, i.item_id desc;

-- gap_at
-- The two items between which an index lies, leaving out the one that is being moved.
select place, item_id from queue_places
where queue_id = :queue_id and is_shuffled = :is_shuffled and removed_in is null
  and item_id is distinct from cast(:leaving_out as uuid)
order by place, item_id
offset greatest(cast(:index as bigint) - 1, 0) limit case when :index = 0 then 1 else 2 end;

-- gap_after
-- An item (even one taken out) and the one behind it, leaving out the one that is being moved.
with here as materialized (
    select case when :is_shuffled then shuffle_rank else rank end as place, item_id
    from queue_items where item_id = :item_id and queue_id = :queue_id
)
select place, item_id from here
union all (
    select p.place, p.item_id from queue_places p, here
    where p.queue_id = :queue_id and p.is_shuffled = :is_shuffled and p.removed_in is null
      and (p.place, p.item_id) > (here.place, here.item_id) and p.item_id is distinct from cast(:leaving_out as uuid)
    order by p.place, p.item_id limit 1
);

-- item_before
-- Behind which item another one stands.
with here as materialized (
    select case when :is_shuffled then shuffle_rank else rank end as place, item_id
    from queue_items where item_id = :item_id and queue_id = :queue_id
)
select p.item_id from queue_places p, here
where p.queue_id = :queue_id and p.is_shuffled = :is_shuffled and p.removed_in is null
  and (p.place, p.item_id) < (here.place, here.item_id)
order by p.place desc, p.item_id desc limit 1;

-- ends
-- The last rank of either order, and where the current item stands in the shuffled one.
select (select max(rank) from queue_items where queue_id = :queue_id and removed_in is null) as last_rank,
       (select max(shuffle_rank) from queue_items where queue_id = :queue_id and removed_in is null) as last_shuffle_rank,
       (select shuffle_rank from queue_items where item_id = :item_id) as current_shuffle_rank;

-- spread
-- Give the items behind one place room again: evenly up to the one that stands `count` further back.
with behind as (
    select item_id, case when :is_shuffled then shuffle_rank else rank end as place,
           row_number() over (order by case when :is_shuffled then shuffle_rank else rank end, item_id) as n
    from queue_items
    where queue_id = :queue_id
      and (case when :is_shuffled then shuffle_rank else rank end, item_id) > (cast(:low as double precision), :low_item)
), crowd as (
    select least(count(*), :count) as size, (select place from behind where n = cast(:count as bigint) + 1) as high
    from behind
), roomy as (
    select b.item_id, :low + (coalesce(c.high, :low + c.size + 1) - :low) * b.n / (c.size + 1) as place
    from behind b, crowd c where b.n <= c.size
)
update queue_items q set
    rank = case when :is_shuffled then q.rank else roomy.place end,
    shuffle_rank = case when :is_shuffled then roomy.place else q.shuffle_rank end
from roomy where q.item_id = roomy.item_id;

-- put_in
-- New items, each with its place in both orders.
insert into queue_items (item_id, queue_id, song_id, details, rank, shuffle_rank, added_by, added_at, put_in)
select item_id, :queue_id, song_id, details, rank, shuffle_rank, :added_by, :now, array[cast(:queue_version as bigint)]
from unnest(
    cast(:item_ids as uuid[]), cast(:song_ids as uuid[]), cast(:details as jsonb[]),
    cast(:ranks as double precision[]), cast(:shuffle_ranks as double precision[])
) as new(item_id, song_id, details, rank, shuffle_rank);

-- take_out
-- These items leave; their rows stay for undo.
update queue_items set removed_in = :queue_version
where queue_id = :queue_id and removed_in is null and item_id = any(cast(:item_ids as uuid[]));

-- take_out_others
-- All but these items leave.
update queue_items q set removed_in = :queue_version
where q.queue_id = :queue_id and q.removed_in is null
  and not exists (select from unnest(cast(:staying as uuid[])) as staying (item_id) where staying.item_id = q.item_id);

-- items_put_in
-- What one change put in, or back in, and is there today.
select item_id from queue_items
where queue_id = :queue_id and cast(:queue_version as bigint) = any(put_in) and removed_in is null;

-- put_back
-- What one change took out comes back to its place, unless that change had put it in itself. Versions beyond the
-- `kept` last are undone no more.
update queue_items set removed_in = null,
    put_in = put_in[cardinality(put_in) - :kept + 2:] || cast(:queue_version as bigint)
where queue_id = :queue_id and removed_in = :taken_in and cast(:taken_in as bigint) <> all(put_in)
returning item_id;

-- move_in_order
-- One item, one row.
update queue_items set rank = :place where item_id = :item_id and queue_id = :queue_id;

-- move_in_shuffle
-- The same in the shuffled order.
update queue_items set shuffle_rank = :place where item_id = :item_id and queue_id = :queue_id;

-- shuffle
-- A new round: the current item first, the others by chance. PostgreSQL hashes the ids, so no list travels.
update queue_items set shuffle_rank = case
    when item_id = :first then 0
    else 1 + cast(:length as double precision) * (0.5 + uuid_hash_extended(item_id, :seed) / 18446744073709551616.0)
end
where queue_id = :queue_id and removed_in is null;

-- keep_order
-- How it is mixed, before it is mixed anew.
insert into shuffled_orders (queue_id, replaced_in, item_ids, places)
select :queue_id, :queue_version, coalesce(array_agg(item_id), '{}'), coalesce(array_agg(shuffle_rank), '{}')
from queue_items where queue_id = :queue_id and removed_in is null
on conflict do nothing;

-- order_replaced_after
-- Which change first mixed it anew after a version; null when nobody did.
select min(replaced_in) from shuffled_orders where queue_id = :queue_id and replaced_in > :version;

-- put_order_back
-- It is mixed again as before that change; what has come since keeps its place.
update queue_items q set shuffle_rank = kept.place
from (
    select unnest(item_ids) as item_id, unnest(places) as place
    from shuffled_orders where queue_id = :queue_id and replaced_in = :replaced_in
) kept
where q.queue_id = :queue_id and q.item_id = kept.item_id;

-- forget_orders
-- So far back nobody goes.
delete from shuffled_orders where queue_id = :queue_id and replaced_in <= :oldest;

-- empty_orders
-- The newest changes that can be taken back or done again name the orders that stay. Of the others it stays known
-- that there was one: whoever asks for it finds it empty, and not the next one. Their size tells without reading.
with newest as (
    select made_by, max(queue_version) filter (where kind = 'change') as change
    from queue_changes where queue_id = :queue_id group by made_by
), reachable as (
    select inverse from queue_changes c join newest using (made_by)
    where queue_id = :queue_id and not undone
      and (kind in ('change', 'redo') or (kind = 'undo' and queue_version > coalesce(change, 0)))
    order by queue_version desc limit :reach
), named as materialized (
    select (
        select min(replaced_in) from shuffled_orders
        where queue_id = :queue_id and replaced_in > cast(step ->> 'asOf' as bigint)
    ) as replaced_in
    from reachable, jsonb_array_elements(inverse) as step
    where step ->> 'step' = 'reorder'
)
update shuffled_orders set item_ids = '{}', places = '{}'
where queue_id = :queue_id and pg_column_size(item_ids) > 24
  and replaced_in not in (select replaced_in from named where replaced_in is not null);

-- queues_with_orders
-- Whose queues were mixed, one after another.
select distinct queue_id from shuffled_orders
where queue_id > :after and pg_column_size(item_ids) > 24
order by queue_id limit :count;

-- is_there
-- Whether an item is in this queue.
select exists (
    select from queue_items where item_id = :item_id and queue_id = :queue_id and removed_in is null
);

-- items
-- These items as they travel.
select item_id, song_id, details ->> 'title' as title, details ->> 'artist' as artist, details ->> 'album' as album,
       cast(details ->> 'durationMs' as bigint) as duration_ms, details ->> 'coverUrl' as cover_url,
       details -> 'addedBy' as added_by, details ->> 'source' as source
from queue_items
where queue_id = :queue_id and item_id = any(cast(:item_ids as uuid[]));

-- keep_change
-- Who changed what, and what takes it back.
insert into queue_changes (queue_id, queue_version, kind, made_by, made_at, told, inverse)
values (:queue_id, :queue_version, :kind, :made_by, :now, :told, :inverse);

-- forget_changes
-- So far back nothing is taken back any more.
delete from queue_changes where queue_id = :queue_id and queue_version <= :oldest;

-- forget_items
-- Nor does what was taken out then come back.
delete from queue_items where queue_id = :queue_id and removed_in <= :oldest;

-- last_change_of_mine
-- What undo takes back: my last change, or redo, that is not undone already.
select queue_version, inverse from queue_changes
where queue_id = :queue_id and made_by = :person_id and kind in ('change', 'redo') and not undone
order by queue_version desc limit 1;

-- last_undo_of_mine
-- What redo takes back: my last undo, while I have changed nothing since.
select queue_version, inverse from queue_changes
where queue_id = :queue_id and made_by = :person_id and kind = 'undo' and not undone
  and queue_version > coalesce((
      select max(queue_version) from queue_changes
      where queue_id = :queue_id and made_by = :person_id and kind = 'change'
  ), 0)
order by queue_version desc limit 1;

-- mark_undone
-- Once taken back, it is not taken back again.
update queue_changes set undone = true where queue_id = :queue_id and queue_version = :queue_version;

-- changes_since
-- What a client missed, oldest first.
select told from queue_changes
where queue_id = :queue_id and queue_version > :since
order by queue_version;

-- keep_heard
-- One row of history; a song that is erased by now leaves none.
insert into play_history (id, user_id, queue_id, song_id, played_at, played_duration, completed, source)
select :id, :user_id, :queue_id, :song_id, :played_at, :played_duration, :completed, :source
where exists (select from songs where id = :song_id);

-- history
-- What was heard on a player, newest first, from a point on.
select id, user_id, song_id, played_at, played_duration, completed, source from play_history
where queue_id = :queue_id
  and (cast(:before_at as timestamptz) is null or (played_at, id) < (:before_at, :before_id))
order by played_at desc, id desc
limit :count;

-- device_of_session
-- For which device a session speaks.
select id, queue_id, user_id, name, kind, can_play, delay_ms, last_seen_at, left_at
from devices where session_id = :session_id;

-- device_of_person
-- A device that comes back under the id it was given.
select id, queue_id, user_id, name, kind, can_play, delay_ms, last_seen_at, left_at
from devices where id = :device_id and user_id = :person_id;

-- device_of_player
-- One of a player's devices.
select id, queue_id, user_id, name, kind, can_play, delay_ms, last_seen_at, left_at
from devices where id = :device_id and queue_id = :queue_id;

-- devices_of_player
-- All of a player's devices, the last seen first.
select id, queue_id, user_id, name, kind, can_play, delay_ms, last_seen_at, left_at
from devices where queue_id = :queue_id
order by last_seen_at desc, id;

-- device_to_play_on
-- The device last seen of the owner's that are here and can sound.
select id, queue_id, user_id, name, kind, can_play, delay_ms, last_seen_at, left_at
from devices
where queue_id = :queue_id and user_id = :owner_id and can_play and left_at is null and last_seen_at > :seen_after
order by last_seen_at desc limit 1;

-- release_session
-- A session speaks for one device only.
update devices set session_id = null where session_id = :session_id and id <> :device_id;

-- add_device
-- A browser profile or program that was not known before.
insert into devices (id, queue_id, user_id, session_id, name, kind, can_play, last_seen_at)
values (:id, :queue_id, :user_id, :session_id, :name, :kind, :can_play, :now);

-- bind_device
-- A known device is here again, through this session.
update devices set queue_id = :queue_id, session_id = :session_id, kind = :kind, can_play = :can_play,
    last_seen_at = :now, left_at = null
where id = :id;

-- see_device
-- It is still here.
update devices set last_seen_at = :now, left_at = null where id = :id;

-- leave_device
-- Its socket closed.
update devices set left_at = :now where id = :id;

-- players_with_silent_devices
-- Who lists devices as present that have said nothing for too long.
select distinct queue_id from devices
where queue_id > :after and left_at is null and last_seen_at <= clock_timestamp() - cast(:online_for as interval)
order by queue_id limit :count;

-- leave_silent_devices
-- Those of one player.
update devices set left_at = :now
where queue_id = :queue_id and left_at is null
  and last_seen_at <= cast(:now as timestamptz) - cast(:online_for as interval);

-- change_device
-- Its name and its delay.
update devices set name = :name, delay_ms = :delay_ms where id = :id;

-- forget_device
-- It is no longer listed.
delete from devices where id = :id;

-- players_with_unseen_devices
-- Who lists devices that nobody comes back with: of guests after a while, of the owner after a long one.
select distinct d.queue_id from devices d join queues q on q.id = d.queue_id
where d.queue_id > :after
  and d.last_seen_at < clock_timestamp() - case
      when d.user_id = q.user_id then cast(:own as interval) else cast(:others as interval)
  end
  and cast(d.id as text) is distinct from q.handoff ->> 'to'
  and not exists (
      select from jsonb_array_elements(q.outputs) as output where output ->> 'deviceId' = cast(d.id as text)
  )
order by d.queue_id limit :count;

-- forget_unseen_devices
-- Those of one player; where music sounds, or is on its way to, is in use.
delete from devices
where queue_id = :queue_id and id <> all(cast(:in_use as uuid[]))
  and last_seen_at < cast(:now as timestamptz) - case
      when user_id = cast(:owner_id as uuid) then cast(:own as interval) else cast(:others as interval)
  end;

-- players_with_devices_of
-- At whose players somebody has devices.
select distinct queue_id from devices where user_id = :person_id;

-- forget_devices_at
-- Somebody's at one player; answers which.
delete from devices where queue_id = :queue_id and user_id = :person_id returning id;

-- history_of_person
-- For the export of a person's data.
select id, user_id, song_id, played_at, played_duration, completed, source from play_history
where user_id = :person_id order by played_at, id;

-- devices_of_person
-- For the export of a person's data.
select id, queue_id, user_id, name, kind, can_play, delay_ms, last_seen_at, left_at
from devices where user_id = :person_id order by id;

-- forget_name
-- Items this person added stay in other people's queues, without the name.
update queue_items set added_by = null, details = jsonb_set(details, '{addedBy}', 'null')
where added_by = :person_id;

-- forget_history
-- Everything heard.
delete from play_history where user_id = :person_id;

-- forget_devices
-- Every device.
delete from devices where user_id = :person_id;

-- forget_player
-- The player with its queue and changes.
delete from queues where user_id = :person_id;
