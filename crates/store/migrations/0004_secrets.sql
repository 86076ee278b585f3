-- Makes room for further kinds of tenant, whose endpoints have other fields, and for connections with several secrets.
--
-- What a kind needs is kept as one JSON document, which the code of that kind reads and writes strictly. Secrets move to
-- a table of their own. Each row holds what its seal is bound to, so that the rewrap role needs no endpoint and loses
-- its access to postern.connections. The services never trust that copy of the digest: they compute it from the
-- endpoint as it is now, so a row that was moved, or whose endpoint was changed, does not open.

-- Replaces 0003's number.
create or replace function postern.schema_version() returns integer
    language sql immutable parallel safe
    set search_path = ''
    as $$ select 4 $$;

drop function postern.resolve_connection(uuid, text);

-- Row level security is forced on the owner too, and would hide every row from the statements below.
alter table postern.connections no force row level security;

alter table postern.connections add column endpoint jsonb;
update postern.connections set endpoint = jsonb_build_object(
    'host', host, 'port', port, 'database', database, 'user', username, 'tls_mode', tls_mode, 'ca_pem', ca_pem);
alter table postern.connections alter column endpoint set not null;
-- Which fields there are is for the code of each kind to say. A CA bundle of 64 KiB grows sixfold at worst, escaped.
alter table postern.connections add constraint connections_endpoint_check
    check (jsonb_typeof(endpoint) = 'object' and octet_length(endpoint::text) <= 524288);
-- Kinds are known to the code, which refuses a row of another kind; a new one needs no migration.
alter table postern.connections drop constraint connections_kind_check;
alter table postern.connections add constraint connections_kind_check check (kind ~ '^[a-z][a-z0-9_]{0,30}$');

create table postern.secrets (
    owner_id        uuid  not null,
    connection_id   uuid  not null,
    -- Which of the connection's secrets.
    name            text  not null check (name ~ '^[a-z][a-z_]{0,62}$'),
    -- Minted for every sealing; part of the seal's context.
    secret_id       uuid  not null,
    -- "PSL1", key id, salt, commitment, chunks: as crypto-service returned it.
    sealed          bytea not null,
    -- The rest of the seal's context, as it was sealed.
    kind            text  not null check (kind ~ '^[a-z][a-z0-9_]{0,30}$'),
    endpoint_digest bytea not null check (length(endpoint_digest) = 32),
    -- In the order of the rewrap walk. Names are unique in a connection, since a connection has one owner.
    primary key (owner_id, connection_id, name)
);

-- A digest is SHA-256 over the fields, each preceded by its length as four bytes, big-endian.
create function postern.digest_field(field bytea) returns bytea
    language sql immutable
    set search_path = ''
    as $$ select int4send(octet_length(field)) || field $$;

insert into postern.secrets (owner_id, connection_id, name, secret_id, sealed, kind, endpoint_digest)
select owner_id, id, 'password', secret_id, sealed, kind,
       sha256(
           postern.digest_field(convert_to(kind, 'UTF8'))
           || postern.digest_field(convert_to(host, 'UTF8'))
           -- Two bytes, big-endian.
           || postern.digest_field(substring(int4send(port) from 3))
           || postern.digest_field(convert_to(database, 'UTF8'))
           || postern.digest_field(convert_to(tls_mode, 'UTF8'))
           || postern.digest_field(sha256(convert_to(ca_pem, 'UTF8'))))
  from postern.connections;

drop function postern.digest_field(bytea);

-- Not valid, as in 0003: older rows that are too long stay, and their owners can save them again.
alter table postern.secrets add constraint secrets_sealed_check
    check (length(sealed) between 64 and 65680) not valid;

alter table postern.connections
    drop column host, drop column port, drop column database, drop column username, drop column tls_mode,
    drop column ca_pem, drop column secret_id, drop column sealed;

-- A secret has the owner of its connection, and goes with it.
alter table postern.connections add constraint connections_owner_id_id_key unique (owner_id, id);
alter table postern.secrets add constraint secrets_connection_fkey
    foreign key (owner_id, connection_id) references postern.connections (owner_id, id) on delete cascade;

alter table postern.connections force row level security;
alter table postern.secrets enable row level security;
alter table postern.secrets force row level security;

create policy own_secrets_select on postern.secrets for select to postern_connection, postern_proxy
    using (owner_id = (select postern.current_owner()));
create policy own_secrets_insert on postern.secrets for insert to postern_connection
    with check (owner_id = (select postern.current_owner()));
create policy own_secrets_update on postern.secrets for update to postern_connection
    using (owner_id = (select postern.current_owner()))
    with check (owner_id = (select postern.current_owner()));
create policy own_secrets_delete on postern.secrets for delete to postern_connection
    using (owner_id = (select postern.current_owner()));
create policy all_seals_select on postern.secrets for select to postern_rewrap using (true);
create policy all_seals_update on postern.secrets for update to postern_rewrap using (true) with check (true);

-- As in 0002: holds for everyone, with the one exception. It asks for the role itself and not for membership, so that a
-- role that is granted postern_rewrap by mistake sees nothing more.
create policy only_own_secrets on postern.secrets as restrictive for all to public
    using (current_user = 'postern_rewrap' or owner_id = (select postern.current_owner()))
    with check (current_user = 'postern_rewrap' or owner_id = (select postern.current_owner()));

-- No exception is left here.
drop policy all_seals_select on postern.connections;
drop policy all_seals_update on postern.connections;
drop policy only_own_rows on postern.connections;
create policy only_own_rows on postern.connections as restrictive for all to public
    using (owner_id = (select postern.current_owner()))
    with check (owner_id = (select postern.current_owner()));

-- Rights on single columns are not taken back by a revoke of the whole table's.
revoke all (id, owner_id, version, kind, read_only) on postern.connections from postern_rewrap;
grant select (endpoint) on postern.connections to postern_connection;
grant insert (endpoint) on postern.connections to postern_connection;
grant update (endpoint) on postern.connections to postern_connection;

-- connection-service never reads a seal back, and the rewrap role writes nothing else.
grant select (owner_id, connection_id, name) on postern.secrets to postern_connection;
grant insert on postern.secrets to postern_connection;
grant update (secret_id, sealed, kind, endpoint_digest) on postern.secrets to postern_connection;
grant delete on postern.secrets to postern_connection;
grant select on postern.secrets to postern_proxy;
grant select (owner_id, connection_id, name, secret_id, sealed, kind, endpoint_digest)
    on postern.secrets to postern_rewrap;
grant update (sealed) on postern.secrets to postern_rewrap;

-- The caller's own connection of a name, in one round trip: the owner is set and the row read in one statement, which
-- is a transaction of its own. Runs with the rights of its caller, so that row level security applies.
create function postern.look_up_connection(owner uuid, connection_name text)
    returns setof postern.connections
    language plpgsql volatile security invoker
    set search_path = ''
    as $$
begin
    perform pg_catalog.set_config('postern.owner_id', owner::pg_catalog.text, true);
    return query
        select c.* from postern.connections c where c.owner_id = owner and c.name = connection_name;
end
$$;

-- The seals of one version of the caller's own connection, in one round trip. No row: that version is gone. A row without
-- a name: it has no secrets.
create function postern.connection_seals(owner uuid, connection uuid, connection_version bigint)
    returns table (name text, secret_id uuid, sealed bytea)
    language plpgsql volatile security invoker
    set search_path = ''
    as $$
begin
    perform pg_catalog.set_config('postern.owner_id', owner::pg_catalog.text, true);
    return query
        select s.name, s.secret_id, s.sealed
          from postern.connections c
          left join postern.secrets s on s.owner_id = c.owner_id and s.connection_id = c.id
         where c.owner_id = owner and c.id = connection and c.version = connection_version;
end
$$;

revoke all on function postern.look_up_connection(uuid, text), postern.connection_seals(uuid, uuid, bigint) from public;
grant execute on function postern.look_up_connection(uuid, text), postern.connection_seals(uuid, uuid, bigint)
    to postern_proxy;
