-- version
-- The newest migration that was carried out.
select version_num from alembic_version

-- oldest_code
-- Code that does not know this version may not run.
select version from oldest_code
