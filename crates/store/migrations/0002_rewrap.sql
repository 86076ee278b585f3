-- Lets seals be replaced by seals under a newer key, for all owners at once and without their tokens.
--
-- That is the one job that crosses owners, so it has a role of its own, which can do nothing else: it reads what a
-- seal is bound to, and writes the seal. It sees no name and opens nothing; crypto-service gives it seals for seals.

-- Replaces 0001's number.
create or replace function postern.schema_version() returns integer
    language sql immutable parallel safe
    set search_path = ''
    as $$ select 2 $$;

create policy all_seals_select on postern.connections for select to postern_rewrap using (true);
create policy all_seals_update on postern.connections for update to postern_rewrap using (true) with check (true);

-- Still holds for everyone, and now names the one exception. It asks for the role itself and not for membership, so
-- that a role that is granted postern_rewrap by mistake sees nothing more.
drop policy only_own_rows on postern.connections;
create policy only_own_rows on postern.connections as restrictive for all to public
    using (current_user = 'postern_rewrap' or owner_id = (select postern.current_owner()))
    with check (current_user = 'postern_rewrap' or owner_id = (select postern.current_owner()));

-- The version is not among what may be written: the secret stays what it was, and so do the pools that belong to it.
grant usage on schema postern to postern_rewrap;
grant select (id, owner_id, version, kind, host, port, database, username, tls_mode, ca_pem, read_only, secret_id, sealed)
    on postern.connections to postern_rewrap;
grant update (sealed) on postern.connections to postern_rewrap;
grant execute on function postern.current_owner(), postern.schema_version() to postern_rewrap;
