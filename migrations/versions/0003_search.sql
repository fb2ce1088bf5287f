-- The search index. It is the source: Elasticsearch, where there is one, only holds a copy of it.

-- Versions rise over all entries and are never given twice, so that a copy can tell old from new even for an
-- entry that was dropped and put again.
create sequence search_versions;

create table search_index (
    id uuid primary key,
    entity_type text not null check (entity_type ~ '^[a-z]{1,20}$'),
    entity_id uuid not null,
    title text not null,
    subtitle text not null default '',
    content text not null default '',
    metadata jsonb not null default '{}',
    -- Who may find it, and who may ask for it to be read again.
    audience text[] not null,
    editors text[] not null default '{}',
    -- The job that reads the entity again; search itself knows no entity.
    reread_by text not null check (reread_by <> ''),
    -- The title's words, folded by Tutti, one space between. Byte order, so that a prefix is a range.
    folded text collate "C" not null check (octet_length(folded) <= 1024),
    -- All words, folded by Tutti: A from the title, B from the subtitle, C from the rest.
    words tsvector not null,
    version bigint not null,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp()
);
create unique index idx_search_entity on search_index (entity_type, entity_id);
create index search_index_folded on search_index (folded);
-- No pending list: a search would have to read it through.
create index search_index_words on search_index using gin (words) with (fastupdate = off);

-- Every word that was ever indexed, with itself and itself less one letter each. A typed word with one slip in
-- it shares such a key with the right one (also the beginning of one, by prefix), so nearness is an index lookup.
-- It only widens what is asked for; what is found still passes the audience.
create table search_words (
    word text collate "C" primary key,
    slips tsvector not null
);
create index search_words_slips on search_words using gin (slips) with (fastupdate = off);

-- What the copy in Elasticsearch still lacks; written in the commit of the change. No entry behind it: dropped.
create table search_changes (
    entity_type text not null,
    entity_id uuid not null,
    version bigint not null,
    changed_at timestamptz not null default clock_timestamp(),
    primary key (entity_type, entity_id)
);
create index search_changes_age on search_changes (changed_at);
