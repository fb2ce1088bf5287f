-- lock_person
-- One person's uploads begin one after the other, so that two of them cannot share the last bytes of his quota.
select pg_advisory_xact_lock(hashtextextended('uploads of ' || cast(cast(:user_id as uuid) as text), 0));

-- burden
-- What a person's unfinished uploads hold: how many, and the bytes reserved for them.
select count(*) as waiting, cast(coalesce(sum(file_size), 0) as bigint) as reserved
from upload_sessions
where user_id = :user_id and status in ('pending', 'uploading', 'assembling', 'checking', 'indexing');

-- still_to_come
-- Bytes that everybody's open uploads may still write.
select cast(coalesce(sum(s.file_size - coalesce(c.arrived, 0)), 0) as bigint)
from upload_sessions s
left join lateral (select sum(size) as arrived from upload_chunks where upload_id = s.id) c on true
where s.status in ('pending', 'uploading');

-- add_upload
-- A new upload.
insert into upload_sessions (
    id, user_id, file_name, file_size, mime_type, chunk_size, total_chunks, protocol, status, sha256,
    file_id, song_id, metadata, expires_at
) values (
    :id, :user_id, :file_name, :file_size, :mime_type, :chunk_size, :total_chunks, :protocol, :status, :sha256,
    :file_id, :song_id, :metadata, clock_timestamp() + make_interval(secs => :idle_s)
)
returning *;

-- forget_upload
-- An upload whose place in the storage could not be made.
delete from upload_sessions where id = :id;

-- upload
-- One upload of one person.
select * from upload_sessions where id = :id and user_id = :user_id;

-- upload_by_signature
-- One upload, for whoever showed a signed URL for it.
select * from upload_sessions where id = :id;

-- lock_upload
-- One upload for completing, cancelling or ending it, and the time after the lock.
with s as materialized (select * from upload_sessions where id = :id for update)
select s.*, clock_timestamp() as now from s;

-- arrived
-- The chunks of an upload that are here, and their bytes.
select coalesce(array_agg(index order by index), '{}') as uploaded_chunks, cast(coalesce(sum(size), 0) as bigint) as received
from upload_chunks where upload_id = :upload_id and sha256 is not null;

-- digests
-- Every acknowledged chunk with its SHA-256, in order.
select index, size, sha256 from upload_chunks where upload_id = :upload_id and sha256 is not null order by index;

-- unfinished
-- A person's uploads that are not over, oldest first, with what has arrived.
select s.*, c.uploaded_chunks, c.received
from upload_sessions s
cross join lateral (
    select coalesce(array_agg(index order by index), '{}') as uploaded_chunks,
        cast(coalesce(sum(size), 0) as bigint) as received
    from upload_chunks where upload_id = s.id and sha256 is not null
) c
where s.user_id = :user_id and s.id > :after
    and s.status in ('pending', 'uploading', 'assembling', 'checking', 'indexing')
    and (s.status not in ('pending', 'uploading') or s.expires_at > clock_timestamp())
order by s.id
limit :limit;

-- receiving
-- How many chunks of this person are being received now.
select count(*)
from upload_chunks c join upload_sessions s on s.id = c.upload_id
where s.user_id = :user_id and c.lease_until > clock_timestamp();

-- lease_chunk
-- Take the lease of a chunk that has not arrived and that nobody else is receiving.
insert into upload_chunks (upload_id, index, lease, lease_until)
values (:upload_id, :index, :lease, clock_timestamp() + make_interval(secs => :lease_s))
on conflict (upload_id, index) do update set lease = excluded.lease, lease_until = excluded.lease_until
where upload_chunks.sha256 is null
    and (upload_chunks.lease is null or upload_chunks.lease_until <= clock_timestamp())
returning lease;

-- digest_of_chunk
-- The SHA-256 of a chunk that has arrived.
select sha256 from upload_chunks where upload_id = :upload_id and index = :index;

-- renew_lease
-- Hold a chunk a little longer; no row when somebody else took over.
update upload_chunks set lease_until = clock_timestamp() + make_interval(secs => :lease_s)
where upload_id = :upload_id and index = :index and lease = :lease
returning true;

-- release_chunk
-- Give a lease back without the chunk.
update upload_chunks set lease = null, lease_until = null
where upload_id = :upload_id and index = :index and lease = :lease;

-- bytes_came
-- An upload that takes bytes has got some: it lives on, and tells so at most ten times a second.
with before as materialized (select told_at from upload_sessions where id = :id for update)
update upload_sessions set
    status = 'uploading',
    updated_at = clock_timestamp(),
    expires_at = clock_timestamp() + make_interval(secs => :idle_s),
    told_at = case
        when before.told_at > clock_timestamp() - interval '100 milliseconds' then before.told_at
        else clock_timestamp()
    end
from before
where id = :id and status in ('pending', 'uploading')
returning coalesce(before.told_at < upload_sessions.told_at, true) as is_time_to_tell;

-- acknowledge_chunk
-- The chunk is safe: from now on it is never written again. No row when the lease was lost.
update upload_chunks set
    sha256 = :sha256, size = :size, lease = null, lease_until = null, arrived_at = clock_timestamp()
where upload_id = :upload_id and index = :index and lease = :lease and sha256 is null
returning true;

-- advance
-- One step further, unless the upload was ended meanwhile.
update upload_sessions set
    status = :status, updated_at = clock_timestamp(),
    content_sha256 = coalesce(:content_sha256, content_sha256)
where id = :id and status in ('pending', 'uploading', 'assembling', 'checking', 'indexing')
returning *;

-- is_left_over
-- Whether content came by an upload of ours, and every upload of it is over.
select coalesce(bool_and(status in ('ready', 'failed', 'cancelled', 'expired')), false)
from upload_sessions where content_sha256 = :sha256;

-- finish
-- The upload has become a song.
update upload_sessions set
    status = 'ready', file_id = :file_id, song_id = :song_id, updated_at = clock_timestamp()
where id = :id and status in ('assembling', 'checking', 'indexing')
returning *;

-- fail
-- The upload cannot become a song, and why.
update upload_sessions set
    status = 'failed', problem = :problem, detail = :detail, updated_at = clock_timestamp()
where id = :id and status in ('pending', 'uploading', 'assembling', 'checking', 'indexing')
returning *;

-- cancel
-- Its owner does not want it any more.
update upload_sessions set status = 'cancelled', updated_at = clock_timestamp()
where id = :id and status in ('pending', 'uploading', 'assembling', 'checking', 'indexing')
returning *;

-- expire
-- Uploads without a chunk for too long; locked one by one, so that none is taken from under a commit.
update upload_sessions set status = 'expired', updated_at = clock_timestamp()
where id in (
    select id from upload_sessions
    where status in ('pending', 'uploading') and expires_at <= clock_timestamp()
    order by id limit 1000 for update skip locked
)
returning *;

-- forget_over
-- Uploads that have been over for a month.
delete from upload_sessions
where status in ('ready', 'failed', 'cancelled', 'expired') and updated_at < clock_timestamp() - interval '30 days';

-- needed
-- Which of these uploads still need their incoming bytes.
select id from upload_sessions
where id = any(cast(:ids as uuid[]))
    and status in ('pending', 'uploading', 'assembling', 'checking', 'indexing');

-- export
-- All uploads of one person.
select * from upload_sessions where user_id = :user_id order by id;

-- forget
-- Nothing of this person stays.
delete from upload_sessions where user_id = :user_id;
