-- Takes no seal that is longer than the longest: of a secret of 64 KiB, 65,680 bytes. The bound was twice that, and a hundred
-- such rows were more than one call of the rewrapping may carry.
--
-- Not valid, which leaves rows that are there: none of that length opens, and their owners can save them again.

-- Replaces 0002's number.
create or replace function postern.schema_version() returns integer
    language sql immutable parallel safe
    set search_path = ''
    as $$ select 3 $$;

alter table postern.connections drop constraint connections_sealed_check;
alter table postern.connections add constraint connections_sealed_check
    check (length(sealed) between 64 and 65680) not valid;
