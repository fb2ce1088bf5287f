-- The library: who owns which song, where its sound lies, and who may hear of it.

-- One row per content. Two people with the same file share the bytes, never the song.
create table media_files (
    id uuid primary key,
    sha256 bytea not null unique check (octet_length(sha256) = 32),
    storage_key text not null unique,
    size bigint not null check (size > 0),
    content_type text not null,
    suffix text not null,
    format text not null,
    codec text not null default '',
    duration_ms bigint not null check (duration_ms >= 0),
    bitrate bigint check (bitrate >= 0),
    sample_rate bigint check (sample_rate >= 0),
    channels integer check (channels >= 0),
    created_at timestamptz not null default clock_timestamp()
);

-- Artists and albums are shared by all. `key` is the folded name, so that one spelling more makes none more.
-- `audience` is the union of their songs': nobody hears of an artist but through a song he may hear.
create table artists (
    id uuid primary key,
    key text collate "C" not null unique check (octet_length(key) <= 1024),
    name text not null check (name <> ''),
    musicbrainz_id uuid,
    audience text[] not null default '{}',
    created_at timestamptz not null default clock_timestamp()
);

create table albums (
    id uuid primary key,
    artist_id uuid not null references artists (id),
    key text collate "C" not null check (octet_length(key) <= 1024),
    title text not null check (title <> ''),
    year integer check (year between 1000 and 9999),
    musicbrainz_id uuid,
    audience text[] not null default '{}',
    created_at timestamptz not null default clock_timestamp(),
    unique (artist_id, key)
);

create table songs (
    id uuid primary key,
    owner_id uuid not null references users (id) on delete cascade,
    title text not null check (title <> ''),
    artist_id uuid not null references artists (id),
    album_id uuid references albums (id),
    track_number integer check (track_number between 0 and 99999),
    disc_number integer check (disc_number between 0 and 9999),
    year integer check (year between 1000 and 9999),
    genre text,
    duration_ms bigint not null check (duration_ms >= 0),
    musicbrainz_id uuid,
    visibility text not null default 'members' check (visibility in ('private', 'members', 'public')),
    -- Follows from owner, visibility and deletion; every query compares it with the caller's.
    audience text[] not null,
    -- Folded, for sorting; kept here so that each order is one index.
    title_key text collate "C" not null check (octet_length(title_key) <= 1024),
    artist_key text collate "C" not null check (octet_length(artist_key) <= 1024),
    album_key text collate "C" not null default '' check (octet_length(album_key) <= 1024),
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    -- In the bin for seven days.
    deleted_at timestamptz
);
create index songs_owner on songs (owner_id, created_at);
create index songs_deleted on songs (owner_id, deleted_at) where deleted_at is not null;
create index songs_by_title on songs (title_key, id) where deleted_at is null;
create index songs_by_artist on songs (
    artist_key, album_key, (coalesce(disc_number, 0)), (coalesce(track_number, 0)), title_key, id
) where deleted_at is null;
create index songs_by_album on songs (
    album_key, (coalesce(disc_number, 0)), (coalesce(track_number, 0)), title_key, id
) where deleted_at is null;
create index songs_by_added on songs (created_at, id) where deleted_at is null;
create index songs_by_year on songs ((coalesce(year, 0)), id) where deleted_at is null;
create index songs_artist on songs (artist_id);
create index songs_album on songs (album_id) where album_id is not null;
create index albums_artist on albums (artist_id);
create index artists_by_key on artists (key, id);
create index albums_by_key on albums (key, id);

-- Where a song's sound comes from. A song may have none (it cannot be played then) or several.
create table song_sources (
    id uuid primary key,
    song_id uuid not null references songs (id) on delete cascade,
    kind text not null check (kind ~ '^[a-z]{1,20}$'),
    media_file_id uuid references media_files (id),
    external_id text,
    file_name text,
    created_at timestamptz not null default clock_timestamp(),
    check ((media_file_id is not null) or (external_id is not null)),
    unique nulls not distinct (song_id, kind, media_file_id, external_id)
);
create index song_sources_media_file on song_sources (media_file_id) where media_file_id is not null;

-- What one person makes of one song.
create table song_marks (
    user_id uuid not null references users (id) on delete cascade,
    song_id uuid not null references songs (id) on delete cascade,
    liked_at timestamptz,
    rating smallint check (rating between 1 and 5),
    play_count bigint not null default 0 check (play_count >= 0),
    last_played_at timestamptz,
    primary key (user_id, song_id)
);
create index song_marks_liked on song_marks (user_id, liked_at, song_id) where liked_at is not null;
create index song_marks_song on song_marks (song_id);

-- A song with the names and the file it is shown with: what every list of songs selects from.
create view song_rows as
select
    song.id, song.owner_id, song.title, song.artist_id, artist.name as artist,
    song.album_id, album.title as album, album_artist.name as album_artist,
    song.track_number, song.disc_number, song.year, song.genre, song.duration_ms,
    song.musicbrainz_id, song.visibility, song.audience,
    song.created_at, song.updated_at, song.deleted_at,
    song.title_key, song.artist_key, song.album_key,
    file.id as media_file_id, file.content_type, file.suffix, file.size, file.bitrate
from songs as song
join artists as artist on artist.id = song.artist_id
left join albums as album on album.id = song.album_id
left join artists as album_artist on album_artist.id = album.artist_id
left join lateral (
    select media_files.*
    from song_sources
    join media_files on media_files.id = song_sources.media_file_id
    where song_sources.song_id = song.id
    order by song_sources.created_at
    limit 1
) as file on true;
