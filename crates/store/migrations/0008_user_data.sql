-- Tells under which key each secret is sealed, to a role that may not read seals: users see it when they export their
-- data.
--
-- The column is generated, so that it always agrees with the seal. Adding it rewrites the table of secrets, which nobody
-- can read or write meanwhile.

-- Replaces the number of the migration before.
create or replace function postern.schema_version() returns integer
    language sql immutable parallel safe
    set search_path = ''
    as $$ select 8 $$;

-- Bytes 5 to 8 of a seal, behind "PSL1", big-endian. 0, which no key has, for a value that is not a seal.
alter table postern.secrets add column key_id bigint not null generated always as (
    case when substring(sealed for 4) = 'PSL1'::bytea
         then (get_byte(sealed, 4)::bigint << 24) | (get_byte(sealed, 5) << 16) | (get_byte(sealed, 6) << 8)
              | get_byte(sealed, 7)
         else 0 end) stored;

grant select (key_id) on postern.secrets to postern_connection, postern_rewrap;
