-- put_entry
-- An entity's entry, new or changed; the version is taken after the row is locked, so it only rises.
insert into search_index (
    id, entity_type, entity_id, title, subtitle, content, metadata,
    audience, editors, reread_by, folded, words, version
)
values (
    :id, :entity_type, :entity_id, :title, :subtitle, :content, :metadata,
    :audience, :editors, :reread_by, :folded, :words, nextval('search_versions')
)
on conflict (entity_type, entity_id) do update
set title = excluded.title, subtitle = excluded.subtitle, content = excluded.content,
    metadata = excluded.metadata, audience = excluded.audience, editors = excluded.editors,
    reread_by = excluded.reread_by, folded = excluded.folded, words = excluded.words,
    version = nextval('search_versions'), updated_at = clock_timestamp()
returning version;

-- drop_entry
-- An entity is gone; the version says that this is newer than all that was said of it.
delete from search_index where entity_type = :entity_type and entity_id = :entity_id
returning nextval('search_versions');

-- new_words
-- Which of these words the dictionary lacks.
select word from unnest(cast(:words as text[])) as word
where not exists (select from search_words as known where known.word = word.word)
order by word;

-- learn_word
-- A word with its keys; whoever learnt it at the same time has said the same.
insert into search_words (word, slips) values (:word, array_to_tsvector(cast(:slips as text[])))
on conflict (word) do nothing;

-- near_words
-- Words that share a key with a typed one: all that are at most one slip away, and some that are not.
select word from search_words where slips @@ cast(:keys as tsquery) limit 5000;

-- found
-- A page of results, the best first. What begins as typed is always among the candidates; of the rest, when
-- there are more than anybody leafs through, some. Weights: nothing for D, then content, subtitle, title.
with candidate as (
    (
        select id from search_index
        where folded >= :phrase and folded < :phrase_end and words @@ cast(:query as tsquery)
            and audience && cast(:audiences as text[])
            and (cardinality(cast(:types as text[])) = 0 or entity_type = any(cast(:types as text[])))
        order by folded
        limit 1000
    )
    union
    (
        select id from search_index
        where words @@ cast(:query as tsquery)
            and audience && cast(:audiences as text[])
            and (cardinality(cast(:types as text[])) = 0 or entity_type = any(cast(:types as text[])))
        limit 2000
    )
),

scored as (
    select
        entity_type as type, cast(entity_id as text) as id, title, subtitle, metadata,
        entity_type || ':' || entity_id as key,
        cast(
            case
                when folded = :phrase then 8
                when folded >= :phrase and folded < :phrase_end then 4
                else 0
            end
            + 2 * ts_rank('{0, 0.1, 0.4, 1}', words, cast(:query as tsquery), 1) as double precision
        ) as score
    from search_index
    where id in (select id from candidate)
)

select type, id, key, title, subtitle, metadata, score from scored
where cast(:after_score as double precision) is null
    or score < :after_score
    or (score = :after_score and key collate "C" > :after_key)
order by score desc, key collate "C"
limit :limit;

-- begun
-- Entries whose title begins as typed, in the index's own order: the quickest answer to the first letters.
select
    entity_type as type, cast(entity_id as text) as id, entity_type || ':' || entity_id as key,
    title, subtitle, metadata, cast(0 as double precision) as score
from search_index
where folded >= :phrase and folded < :phrase_end and audience && cast(:audiences as text[])
order by folded
limit :limit;

-- holding
-- Entries with these words in title or subtitle, in no order.
select
    entity_type as type, cast(entity_id as text) as id, entity_type || ':' || entity_id as key,
    title, subtitle, metadata, cast(0 as double precision) as score
from search_index
where words @@ cast(:query as tsquery) and audience && cast(:audiences as text[])
limit :limit;

-- entry_for_asker
-- An entry with what decides whether somebody may have it read again; only what he may find.
select reread_by, editors from search_index
where entity_type = :entity_type and entity_id = :entity_id
    and (audience && cast(:audiences as text[]) or :is_admin);

-- note_change
-- The copy lacks this version; written in the commit of the change.
insert into search_changes (entity_type, entity_id, version) values (:entity_type, :entity_id, :version)
on conflict (entity_type, entity_id) do update set version = excluded.version;

-- changes_waiting
-- What the copy lacks, the oldest first, with the entry as it is now (none: dropped).
select
    change.entity_type, change.entity_id, greatest(change.version, coalesce(entry.version, 0)) as version,
    entry.title, entry.subtitle, entry.content, entry.metadata, entry.audience
from search_changes as change
left join search_index as entry
    on entry.entity_type = change.entity_type and entry.entity_id = change.entity_id
order by change.changed_at
limit :limit;

-- change_copied
-- The copy has this version; a newer one stays noted.
delete from search_changes
where entity_type = :entity_type and entity_id = :entity_id and version <= :version;

-- oldest_change
-- For how many seconds the copy has been behind.
select extract(epoch from clock_timestamp() - min(changed_at)) from search_changes;

-- entries_from
-- The whole index in slices, for a new copy.
select entity_type, entity_id, version, title, subtitle, content, metadata, audience
from search_index
where (entity_type, entity_id) > (:after_type, :after_id)
order by entity_type, entity_id
limit :limit;
