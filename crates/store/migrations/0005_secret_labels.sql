-- Lets users tell the keys of a Supabase project apart: the sort of a key, and its last four characters where those give
-- nothing away. Both are written with the seal, and hold nothing that could help to guess the secret.

-- Replaces 0004's number.
create or replace function postern.schema_version() returns integer
    language sql immutable parallel safe
    set search_path = ''
    as $$ select 5 $$;

alter table postern.secrets add column sort text check (sort ~ '^[a-z_]{1,32}$');
alter table postern.secrets add column last_characters text check (length(last_characters) = 4);

grant select (sort, last_characters) on postern.secrets to postern_connection;
grant update (sort, last_characters) on postern.secrets to postern_connection;
