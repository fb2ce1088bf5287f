-- keep_file
-- One row per content; whoever comes second gets the first one's row, and holds it until his commit.
insert into media_files (
    id, sha256, storage_key, size, content_type, suffix, format, codec,
    duration_ms, bitrate, sample_rate, channels
)
values (
    :id, :sha256, :storage_key, :size, :content_type, :suffix, :format, :codec,
    :duration_ms, :bitrate, :sample_rate, :channels
)
on conflict (sha256) do update set sha256 = excluded.sha256
returning id;

-- song_of_owner_and_file
-- The song this person has of these bytes already, also when it lies in the bin.
select song.id
from songs as song
join song_sources as source on source.song_id = song.id
where song.owner_id = :owner_id and source.media_file_id = :media_file_id
order by song.created_at
limit 1;

-- song_of_owner_and_hash
-- The song this person has of this content, unless it lies in the bin.
select song.id
from media_files as file
join song_sources as source on source.media_file_id = file.id
join songs as song on song.id = source.song_id
where file.sha256 = :sha256 and song.owner_id = :owner_id and song.deleted_at is null
order by song.created_at
limit 1;

-- keep_artist
-- An artist by his folded name, made when there is none.
insert into artists (id, key, name, musicbrainz_id) values (:id, :key, :name, :musicbrainz_id)
on conflict (key) do nothing;

-- artist_by_key
-- The one artist of this name.
select id from artists where key = :key;

-- keep_album
-- An album by its artist and folded title, made when there is none.
insert into albums (id, artist_id, key, title, year, musicbrainz_id)
values (:id, :artist_id, :key, :title, :year, :musicbrainz_id)
on conflict (artist_id, key) do nothing;

-- album_by_key
-- The one album of this artist and title.
select id from albums where artist_id = :artist_id and key = :key;

-- add_song
-- A new song.
insert into songs (
    id, owner_id, title, artist_id, album_id, track_number, disc_number, year, genre, duration_ms,
    musicbrainz_id, visibility, audience, title_key, artist_key, album_key
)
values (
    :id, :owner_id, :title, :artist_id, :album_id, :track_number, :disc_number, :year, :genre, :duration_ms,
    :musicbrainz_id, :visibility, :audience, :title_key, :artist_key, :album_key
);

-- add_source
-- Where a song's sound comes from.
insert into song_sources (id, song_id, kind, media_file_id, file_name)
values (:id, :song_id, 'file', :media_file_id, :file_name)
on conflict do nothing;

-- lock_artists
-- Hold these artists, in one order for all, before their audience is looked at and counted anew.
select id, audience from artists where id = any(cast(:ids as uuid[])) order by id for no key update;

-- lock_albums
-- The same for albums.
select id, audience from albums where id = any(cast(:ids as uuid[])) order by id for no key update;

-- count_artist_audiences
-- An artist is known to whoever may hear one of his songs or a song on an album of his.
update artists as artist
set audience = counted.audience
from (
    select
        each.id,
        array(
            select unnest(song.audience) as name
            from songs as song
            where song.artist_id = each.id
            union
            select unnest(song.audience)
            from albums as album
            join songs as song on song.album_id = album.id
            where album.artist_id = each.id
            order by name
        ) as audience
    from artists as each
    where each.id = any(cast(:ids as uuid[]))
) as counted
where artist.id = counted.id and artist.audience <> counted.audience
returning artist.id;

-- count_album_audiences
-- An album is known to whoever may hear a song on it.
update albums as album
set audience = counted.audience
from (
    select
        each.id,
        array(
            select distinct name
            from songs as song, unnest(song.audience) as name
            where song.album_id = each.id
            order by name
        ) as audience
    from albums as each
    where each.id = any(cast(:ids as uuid[]))
) as counted
where album.id = counted.id and album.audience <> counted.audience
returning album.id;

-- artist_to_index
-- An artist as search shows him.
select id, name as title, '' as subtitle, '' as content, audience from artists where id = :id;

-- album_to_index
-- An album as search shows it.
select album.id, album.title, artist.name as subtitle, coalesce(cast(album.year as text), '') as content, album.audience
from albums as album
join artists as artist on artist.id = album.artist_id
where album.id = :id;

-- song_row
-- One song with this person's marks, whoever may hear it.
select row.*, mark.liked_at, mark.rating, coalesce(mark.play_count, 0) as play_count
from song_rows as row
left join song_marks as mark on mark.song_id = row.id and mark.user_id = :person_id
where row.id = :song_id;

-- lock_song
-- Hold a song while it is changed; answers its owner.
select owner_id from songs where id = :song_id for update;

-- songs_in
-- These songs as far as they may be heard.
select row.*, mark.liked_at, mark.rating, coalesce(mark.play_count, 0) as play_count
from song_rows as row
left join song_marks as mark on mark.song_id = row.id and mark.user_id = :person_id
where row.id = any(cast(:ids as uuid[])) and row.audience && cast(:audiences as text[]);

-- plan_anew
-- For this transaction: plan lists for the filters that are given; a plan for all of them would sort all songs.
set local plan_cache_mode to force_custom_plan;

-- songs_by_title
-- A page of songs in order of their titles.
select row.*, mark.liked_at, mark.rating, coalesce(mark.play_count, 0) as play_count
from song_rows as row
left join song_marks as mark on mark.song_id = row.id and mark.user_id = :person_id
where row.deleted_at is null and row.audience && cast(:audiences as text[])
    and (cast(:album_id as uuid) is null or row.album_id = :album_id)
    and (cast(:artist_id as uuid) is null or row.artist_id = :artist_id)
    and (cast(:owner_id as uuid) is null or row.owner_id = :owner_id)
    and (cast(:genre as text) is null or lower(row.genre) = lower(:genre))
    and (cast(:year as integer) is null or row.year = :year)
    and (cast(:after_id as uuid) is null or (row.title_key, row.id) > (cast(:after_title as text), :after_id))
order by row.title_key, row.id
limit :limit;

-- songs_by_artist
-- A page of songs by artist, then album, disc, track.
select row.*, mark.liked_at, mark.rating, coalesce(mark.play_count, 0) as play_count
from song_rows as row
left join song_marks as mark on mark.song_id = row.id and mark.user_id = :person_id
where row.deleted_at is null and row.audience && cast(:audiences as text[])
    and (cast(:album_id as uuid) is null or row.album_id = :album_id)
    and (cast(:artist_id as uuid) is null or row.artist_id = :artist_id)
    and (cast(:owner_id as uuid) is null or row.owner_id = :owner_id)
    and (cast(:genre as text) is null or lower(row.genre) = lower(:genre))
    and (cast(:year as integer) is null or row.year = :year)
    and (
        cast(:after_id as uuid) is null
        or (
            row.artist_key, row.album_key, coalesce(row.disc_number, 0), coalesce(row.track_number, 0),
            row.title_key, row.id
        ) > (
            cast(:after_artist as text), cast(:after_album as text), cast(:after_disc as integer),
            cast(:after_track as integer), cast(:after_title as text), :after_id
        )
    )
order by
    row.artist_key, row.album_key, coalesce(row.disc_number, 0), coalesce(row.track_number, 0),
    row.title_key, row.id
limit :limit;

-- songs_by_album
-- A page of songs by album, disc, track; what is on no album comes first.
select row.*, mark.liked_at, mark.rating, coalesce(mark.play_count, 0) as play_count
from song_rows as row
left join song_marks as mark on mark.song_id = row.id and mark.user_id = :person_id
where row.deleted_at is null and row.audience && cast(:audiences as text[])
    and (cast(:album_id as uuid) is null or row.album_id = :album_id)
    and (cast(:artist_id as uuid) is null or row.artist_id = :artist_id)
    and (cast(:owner_id as uuid) is null or row.owner_id = :owner_id)
    and (cast(:genre as text) is null or lower(row.genre) = lower(:genre))
    and (cast(:year as integer) is null or row.year = :year)
    and (
        cast(:after_id as uuid) is null
        or (
            row.album_key, coalesce(row.disc_number, 0), coalesce(row.track_number, 0), row.title_key, row.id
        ) > (
            cast(:after_album as text), cast(:after_disc as integer), cast(:after_track as integer),
            cast(:after_title as text), :after_id
        )
    )
order by row.album_key, coalesce(row.disc_number, 0), coalesce(row.track_number, 0), row.title_key, row.id
limit :limit;

-- songs_by_added
-- A page of songs, the newest first.
select row.*, mark.liked_at, mark.rating, coalesce(mark.play_count, 0) as play_count
from song_rows as row
left join song_marks as mark on mark.song_id = row.id and mark.user_id = :person_id
where row.deleted_at is null and row.audience && cast(:audiences as text[])
    and (cast(:album_id as uuid) is null or row.album_id = :album_id)
    and (cast(:artist_id as uuid) is null or row.artist_id = :artist_id)
    and (cast(:owner_id as uuid) is null or row.owner_id = :owner_id)
    and (cast(:genre as text) is null or lower(row.genre) = lower(:genre))
    and (cast(:year as integer) is null or row.year = :year)
    and (
        cast(:after_id as uuid) is null
        or (row.created_at, row.id) < (cast(:after_added as timestamptz), :after_id)
    )
order by row.created_at desc, row.id desc
limit :limit;

-- songs_by_year
-- A page of songs, the latest year first.
select row.*, mark.liked_at, mark.rating, coalesce(mark.play_count, 0) as play_count
from song_rows as row
left join song_marks as mark on mark.song_id = row.id and mark.user_id = :person_id
where row.deleted_at is null and row.audience && cast(:audiences as text[])
    and (cast(:album_id as uuid) is null or row.album_id = :album_id)
    and (cast(:artist_id as uuid) is null or row.artist_id = :artist_id)
    and (cast(:owner_id as uuid) is null or row.owner_id = :owner_id)
    and (cast(:genre as text) is null or lower(row.genre) = lower(:genre))
    and (cast(:year as integer) is null or row.year = :year)
    and (
        cast(:after_id as uuid) is null
        or (coalesce(row.year, 0), row.id) < (cast(:after_year as integer), :after_id)
    )
order by coalesce(row.year, 0) desc, row.id desc
limit :limit;

-- songs_in_bin
-- What this person deleted and may still restore, the latest first.
select row.*, mark.liked_at, mark.rating, coalesce(mark.play_count, 0) as play_count
from song_rows as row
left join song_marks as mark on mark.song_id = row.id and mark.user_id = :person_id
where row.owner_id = :person_id and row.deleted_at > :since
    and (cast(:after_id as uuid) is null or (row.deleted_at, row.id) < (cast(:after_time as timestamptz), :after_id))
order by row.deleted_at desc, row.id desc
limit :limit;

-- songs_liked
-- What this person likes and may hear, the latest first.
select row.*, mark.liked_at, mark.rating, mark.play_count
from song_marks as mark
join song_rows as row on row.id = mark.song_id
where mark.user_id = :person_id and mark.liked_at is not null and row.audience && cast(:audiences as text[])
    and (cast(:after_id as uuid) is null or (mark.liked_at, row.id) < (cast(:after_time as timestamptz), :after_id))
order by mark.liked_at desc, row.id desc
limit :limit;

-- save_song
-- A song with new names; the keys follow the names.
update songs
set title = :title, artist_id = :artist_id, album_id = :album_id, track_number = :track_number,
    disc_number = :disc_number, year = :year, genre = :genre, visibility = :visibility, audience = :audience,
    title_key = :title_key, artist_key = :artist_key, album_key = :album_key, updated_at = clock_timestamp()
where id = :song_id;

-- bin_song
-- Into the bin or out of it.
update songs
set deleted_at = :deleted_at, audience = :audience, updated_at = clock_timestamp()
where id = :song_id;

-- like_song
-- Liking twice keeps the first time.
insert into song_marks (user_id, song_id, liked_at) values (:person_id, :song_id, :now)
on conflict (user_id, song_id) do update set liked_at = coalesce(song_marks.liked_at, excluded.liked_at);

-- unlike_song
-- The heart off; rating and plays stay.
update song_marks set liked_at = null where user_id = :person_id and song_id = :song_id;

-- rate_song
-- One to five, or none.
insert into song_marks (user_id, song_id, rating) values (:person_id, :song_id, :rating)
on conflict (user_id, song_id) do update set rating = excluded.rating;

-- count_play
-- One more time heard by this person.
insert into song_marks (user_id, song_id, play_count, last_played_at) values (:person_id, :song_id, 1, :now)
on conflict (user_id, song_id) do update
set play_count = song_marks.play_count + 1,
    last_played_at = greatest(song_marks.last_played_at, excluded.last_played_at);

-- file_of_song
-- The bytes behind a song that may be heard.
select
    file.id, file.sha256, file.storage_key, file.size, file.content_type, file.suffix, song.title,
    artist.name as artist
from songs as song
join artists as artist on artist.id = song.artist_id
join song_sources as source on source.song_id = song.id
join media_files as file on file.id = source.media_file_id
where song.id = :song_id and song.audience && cast(:audiences as text[])
order by source.created_at
limit 1;

-- may_hear
-- Whether somebody may hear of a song.
select exists (select from songs where id = :song_id and audience && cast(:audiences as text[]));

-- albums_page
-- A page of albums in order of their titles.
select
    album.id, album.title, artist.name as artist, album.artist_id, album.year, album.musicbrainz_id,
    cast(null as text) as cover_url, counted.song_count, counted.duration_ms
from albums as album
join artists as artist on artist.id = album.artist_id
cross join lateral (
    select count(*) as song_count, cast(coalesce(sum(song.duration_ms), 0) as bigint) as duration_ms
    from songs as song
    where song.album_id = album.id and song.audience && cast(:audiences as text[])
) as counted
where album.audience && cast(:audiences as text[])
    and (cast(:artist_id as uuid) is null or album.artist_id = :artist_id)
    and (cast(:album_id as uuid) is null or album.id = :album_id)
    and (cast(:after_id as uuid) is null or (album.key, album.id) > (cast(:after_key as text), :after_id))
order by album.key, album.id
limit :limit;

-- artists_page
-- A page of artists in order of their names.
select
    artist.id, artist.name, artist.musicbrainz_id, cast(null as text) as cover_url,
    (
        select count(*) from albums as album
        where album.artist_id = artist.id and album.audience && cast(:audiences as text[])
    ) as album_count,
    (
        select count(*) from songs as song
        where song.artist_id = artist.id and song.audience && cast(:audiences as text[])
    ) as song_count
from artists as artist
where artist.audience && cast(:audiences as text[])
    and (cast(:artist_id as uuid) is null or artist.id = :artist_id)
    and (cast(:after_id as uuid) is null or (artist.key, artist.id) > (cast(:after_key as text), :after_id))
order by artist.key, artist.id
limit :limit;

-- songs_of_album
-- An album's songs as far as they may be heard, in the album's order.
select row.*, mark.liked_at, mark.rating, coalesce(mark.play_count, 0) as play_count
from song_rows as row
left join song_marks as mark on mark.song_id = row.id and mark.user_id = :person_id
where row.album_id = :album_id and row.audience && cast(:audiences as text[])
order by coalesce(row.disc_number, 0), coalesce(row.track_number, 0), row.title_key, row.id
limit 1000;

-- songs_of_artist
-- An artist's songs as far as they may be heard, album by album.
select row.*, mark.liked_at, mark.rating, coalesce(mark.play_count, 0) as play_count
from song_rows as row
left join song_marks as mark on mark.song_id = row.id and mark.user_id = :person_id
where row.artist_id = :artist_id and row.audience && cast(:audiences as text[])
order by row.album_key, coalesce(row.disc_number, 0), coalesce(row.track_number, 0), row.title_key, row.id
limit 1000;

-- purge_song
-- For good, once its time in the bin is over.
delete from songs where id = :song_id and deleted_at <= :before returning artist_id, album_id;

-- files_of_song
-- The files a song plays from.
select media_file_id from song_sources where song_id = :song_id and media_file_id is not null;

-- forget_files
-- The rows of files from which no song plays any more.
delete from media_files as file
where file.id = any(cast(:ids as uuid[]))
    and not exists (select from song_sources as source where source.media_file_id = file.id)
returning file.storage_key;

-- forget_albums
-- Albums without any song, also in a bin.
delete from albums as album
where album.id = any(cast(:ids as uuid[])) and not exists (select from songs as song where song.album_id = album.id)
returning album.artist_id;

-- forget_artists
-- Artists without any song or album.
delete from artists as artist
where artist.id = any(cast(:ids as uuid[]))
    and not exists (select from songs as song where song.artist_id = artist.id)
    and not exists (select from albums as album where album.artist_id = artist.id);

-- lock_bytes
-- One at a time for the bytes of one storage key, until the commit.
select pg_advisory_xact_lock(hashtextextended(:storage_key, 0));

-- stored_bytes
-- How much room a person's songs take, those in the bin included; the same content counts once.
select cast(coalesce(sum(file.size), 0) as bigint)
from media_files as file
where exists (
    select from song_sources as source
    join songs as song on song.id = source.song_id
    where source.media_file_id = file.id and song.owner_id = :owner_id
);

-- has_file
-- Whether a file is (again) behind a song.
select exists (select from media_files where storage_key = :storage_key);

-- known_files
-- Which of these storage keys belong to a file.
select storage_key from media_files where storage_key = any(cast(:storage_keys as text[]));

-- songs_of_owner
-- Everything a person has added, also in the bin.
select id from songs where owner_id = :person_id order by id;

-- marks_of_person
-- What a person made of songs.
select mark.song_id, song.title, mark.liked_at, mark.rating, mark.play_count, mark.last_played_at
from song_marks as mark
join songs as song on song.id = mark.song_id
where mark.user_id = :person_id
order by mark.song_id;

-- export_songs
-- Everything a person has added, as it stands.
select row.*, mark.liked_at, mark.rating, coalesce(mark.play_count, 0) as play_count
from song_rows as row
left join song_marks as mark on mark.song_id = row.id and mark.user_id = :person_id
where row.owner_id = :person_id
order by row.created_at;

-- artist_of_album
-- Whose album it is.
select artist_id from albums where id = :album_id;
