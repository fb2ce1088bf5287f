-- Which code may run on these tables. A version that only adds something leaves this row alone: code that does
-- not know it yet goes on beside newer code. A version that takes something away ends with
--     update oldest_code set version = '…';
-- naming the version that code must know to do without, and is migrated once no older code runs.
create table oldest_code (
    is_only boolean primary key default true check (is_only),
    version text not null
);
insert into oldest_code (version) values ('0006');
