-- Each user's saved connections, one row a connection, visible to its owner alone.
--
-- Row level security is the first line. The second is the seal: crypto-service binds each secret to the owner whose
-- token it verifies itself, so that a row that reaches the wrong user does not open.

-- The owner on whose behalf a transaction runs. Set for one transaction by the services from a verified token;
-- without it every policy is false.
create function postern.current_owner() returns uuid
    language sql stable parallel safe
    set search_path = ''
    as $$ select nullif(current_setting('postern.owner_id', true), '')::uuid $$;

-- The number of the newest migration, for services to check at start. Each migration replaces it.
create function postern.schema_version() returns integer
    language sql immutable parallel safe
    set search_path = ''
    as $$ select 1 $$;

create table postern.connections (
    id         uuid        primary key default gen_random_uuid(),
    owner_id   uuid        not null,
    name       text        not null check (name ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
    -- Grows by one with every change. Pools of tenant connections belong to one version.
    version    bigint      not null default 1 check (version > 0),
    kind       text        not null check (kind in ('postgres')),
    host       text        not null check (length(host) between 1 and 253),
    port       integer     not null check (port between 1 and 65535),
    database   text        not null check (length(database) between 1 and 253),
    username   text        not null check (length(username) between 1 and 253),
    tls_mode   text        not null check (tls_mode in ('verify-full', 'disable')),
    -- Empty: the public roots.
    ca_pem     text        not null check (length(ca_pem) <= 65536),
    read_only  boolean     not null,
    -- Minted for every sealing; part of the seal's context.
    secret_id  uuid        not null,
    -- "PSL1", key id, salt, commitment, chunks: as crypto-service returned it.
    sealed     bytea       not null check (length(sealed) between 64 and 131072),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- The conflict target of an upsert starts with the owner, so that nobody learns of another's names.
    unique (owner_id, name)
);

alter table postern.connections enable row level security;
alter table postern.connections force row level security;

create policy own_rows_select on postern.connections for select to postern_connection, postern_proxy
    using (owner_id = (select postern.current_owner()));
create policy own_rows_insert on postern.connections for insert to postern_connection
    with check (owner_id = (select postern.current_owner()));
create policy own_rows_update on postern.connections for update to postern_connection
    using (owner_id = (select postern.current_owner()))
    with check (owner_id = (select postern.current_owner()));
create policy own_rows_delete on postern.connections for delete to postern_connection
    using (owner_id = (select postern.current_owner()));

-- Holds for everyone and together with every other policy: one added by mistake cannot widen what is visible.
create policy only_own_rows on postern.connections as restrictive for all to public
    using (owner_id = (select postern.current_owner()))
    with check (owner_id = (select postern.current_owner()));

-- connection-service never reads a seal back; proxy-service never writes.
grant usage on schema postern to postern_connection, postern_proxy;
grant select (id, owner_id, name, version, kind, host, port, database, username, tls_mode, ca_pem, read_only,
              created_at, updated_at)
    on postern.connections to postern_connection;
grant insert (owner_id, name, kind, host, port, database, username, tls_mode, ca_pem, read_only, secret_id, sealed)
    on postern.connections to postern_connection;
grant update (version, kind, host, port, database, username, tls_mode, ca_pem, read_only, secret_id, sealed, updated_at)
    on postern.connections to postern_connection;
grant delete on postern.connections to postern_connection;
grant select on postern.connections to postern_proxy;

-- The caller's own connection of a name, in one round trip: the owner is set and the row read in one statement, which
-- is a transaction of its own. Runs with the rights of its caller, so that row level security applies.
create function postern.resolve_connection(owner uuid, connection_name text)
    returns setof postern.connections
    language plpgsql volatile security invoker
    set search_path = ''
    as $$
begin
    perform pg_catalog.set_config('postern.owner_id', owner::pg_catalog.text, true);
    return query select c.* from postern.connections c where c.name = connection_name;
end
$$;

revoke all on all functions in schema postern from public;
grant execute on function postern.current_owner(), postern.schema_version() to postern_connection, postern_proxy;
grant execute on function postern.resolve_connection(uuid, text) to postern_proxy;
