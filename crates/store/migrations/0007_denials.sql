-- Lets operators withdraw access at once: from a user, a token, an issuer's users, a tenant's host, or one connection.
--
-- The services check in the statements that they send anyway. The table is empty as a rule, and then the check is one
-- look into a table without rows.
--
-- Services of the previous release keep working with this schema, and check nothing.

-- Replaces 0006's number.
create or replace function postern.schema_version() returns integer
    language sql immutable parallel safe
    set search_path = ''
    as $$ select 7 $$;

create table postern.denials (
    kind       text        not null check (kind in ('owner', 'jti', 'issuer', 'host', 'connection')),
    -- owner, connection: a UUID. jti: a token's `jti`. issuer: tokens' `iss`. host: in the form that endpoints have it.
    value      text        not null check (octet_length(value) between 1 and 1024),
    -- The issuer of the token; empty for the other kinds.
    issuer     text        not null check (octet_length(issuer) <= 1024 and (issuer <> '') = (kind = 'jti')),
    -- For operators.
    note       text        not null check (octet_length(note) <= 1024),
    -- Grows with every denial that is added. Operators take turns, so that a lower one never appears after a higher
    -- one.
    revision   bigint      not null generated always as identity unique,
    created_at timestamptz not null default now(),
    -- Null: until it is removed.
    expires_at timestamptz,
    primary key (kind, value, issuer)
);

alter table postern.denials enable row level security;
alter table postern.denials force row level security;

create policy all_denials on postern.denials for all to postern_operator using (true) with check (true);
create policy all_denials_select on postern.denials for select to postern_connection, postern_proxy using (true);

-- Holds for everyone and together with every other policy, as those of the other tables. It asks for the role itself
-- and not for membership.
create policy only_operators on postern.denials as restrictive for all to public
    using (current_user in ('postern_operator', 'postern_connection', 'postern_proxy'))
    with check (current_user = 'postern_operator');

-- The services need no notes.
grant usage on schema postern to postern_operator;
grant select, delete on postern.denials to postern_operator;
grant insert (kind, value, issuer, note, expires_at) on postern.denials to postern_operator;
grant update (note, revision, created_at, expires_at) on postern.denials to postern_operator;
grant select (kind, value, issuer, revision, expires_at) on postern.denials to postern_connection, postern_proxy;

-- The host of an endpoint's document: the field of that name, or the host of its URL, without the brackets of IPv6.
create function postern.endpoint_host(endpoint jsonb) returns text
    language sql immutable parallel safe
    set search_path = ''
    as $$
    select coalesce(endpoint->>'host',
                    pg_catalog.btrim(pg_catalog.substring(endpoint->>'url', '^https://(\[[^]]*\]|[^/:]*)'), '[]'))
$$;

-- Whether somebody's access is withdrawn: the user's, the issuer's users', or the token's.
create function postern.access_is_withdrawn(owner uuid, token_issuer text, token_id text) returns boolean
    language plpgsql volatile security invoker
    set search_path = ''
    as $$
begin
    return exists (
        select from postern.denials d
         where (d.kind, d.value, d.issuer) in (('owner', owner::pg_catalog.text, ''), ('issuer', token_issuer, ''),
                                               ('jti', token_id, token_issuer))
           and (d.expires_at is null or d.expires_at > pg_catalog.now()));
end
$$;

-- Whether a connection, or the host where it leads, is withdrawn. Null for a connection that does not exist yet.
create function postern.connection_is_withdrawn(connection uuid, host text) returns boolean
    language plpgsql volatile security invoker
    set search_path = ''
    as $$
begin
    return exists (
        select from postern.denials d
         where (d.kind, d.value, d.issuer) in (('connection', connection::pg_catalog.text, ''), ('host', host, ''))
           and (d.expires_at is null or d.expires_at > pg_catalog.now()));
end
$$;

-- As the function of 0006 with two arguments, and whether what was asked for is withdrawn: 'access', which comes
-- without id and version, or 'connection'. token_ids: null for a token without `jti`.
create function postern.look_up_connections(
        owners uuid[], connection_names text[], issuers text[], token_ids text[])
    returns table (ordinal integer, owner_id uuid, id uuid, version bigint, withdrawn text)
    language plpgsql volatile security invoker
    set search_path = ''
    as $$
declare
    is_there boolean;
    any_denied boolean;
    done text;
begin
    for item in 1 .. pg_catalog.cardinality(owners) loop
        -- An assignment is cheaper than `perform`, which runs a query.
        done := pg_catalog.set_config('postern.owner_id', owners[item]::pg_catalog.text, true);
        -- In the same statement: one of its own would cost several times as much.
        select c.owner_id, c.id, c.version, exists (select from postern.denials)
          into owner_id, id, version, any_denied
          from postern.connections c
         where c.owner_id = owners[item] and c.name = connection_names[item];
        is_there := found;
        withdrawn := null;
        if not is_there then
            any_denied := exists (select from postern.denials);
        end if;
        if any_denied then
            if postern.access_is_withdrawn(owners[item], issuers[item], token_ids[item]) then
                withdrawn := 'access';
                owner_id := owners[item];
                id := null;
                version := null;
            elsif is_there and postern.connection_is_withdrawn(
                id, (select postern.endpoint_host(c.endpoint) from postern.connections c
                      where c.owner_id = owners[item] and c.name = connection_names[item]))
            then
                withdrawn := 'connection';
            end if;
        end if;
        if is_there or withdrawn is not null then
            ordinal := item;
            return next;
        end if;
    end loop;
end
$$;

-- As the function of 0006, for a token of this issuer and with this `jti`, if it has one. Two more outcomes:
-- * 'access_withdrawn': the owner's, the issuer's or the token's.
-- * 'connection_withdrawn': the connection's, or its new host's.
create function postern.save_connection(
        owner uuid, connection_name text, connection_kind text, new_endpoint text, is_read_only boolean,
        expected bigint, most bigint,
        secret_names text[], digests bytea[], required boolean[], removed boolean[],
        secret_ids uuid[], seals bytea[], sorts text[], lasts text[], token_issuer text, token_id text)
    returns table (outcome text, saved_id uuid, saved_version bigint, created_us bigint, updated_us bigint, kept text[])
    language plpgsql volatile security invoker
    set search_path = ''
    as $$
begin
    if exists (select from postern.denials) then
        perform pg_catalog.set_config('postern.owner_id', owner::pg_catalog.text, true);
        if postern.access_is_withdrawn(owner, token_issuer, token_id) then
            outcome := 'access_withdrawn';
        elsif postern.connection_is_withdrawn(
            (select c.id from postern.connections c where c.owner_id = owner and c.name = connection_name),
            postern.endpoint_host(new_endpoint::pg_catalog.jsonb))
        then
            outcome := 'connection_withdrawn';
        end if;
        if outcome is not null then
            return next;
            return;
        end if;
    end if;
    return query
        select saved.* from postern.save_connection(
            owner, connection_name, connection_kind, new_endpoint, is_read_only, expected, most,
            secret_names, digests, required, removed, secret_ids, seals, sorts, lasts) as saved;
end
$$;

revoke all on function
    postern.endpoint_host(jsonb),
    postern.access_is_withdrawn(uuid, text, text),
    postern.connection_is_withdrawn(uuid, text),
    postern.look_up_connections(uuid[], text[], text[], text[]),
    postern.save_connection(uuid, text, text, text, boolean, bigint, bigint, text[], bytea[], boolean[], boolean[],
                            uuid[], bytea[], text[], text[], text, text)
    from public;
grant execute on function
    postern.endpoint_host(jsonb),
    postern.access_is_withdrawn(uuid, text, text),
    postern.connection_is_withdrawn(uuid, text)
    to postern_connection, postern_proxy;
grant execute on function postern.look_up_connections(uuid[], text[], text[], text[]) to postern_proxy;
grant execute on function
    postern.save_connection(uuid, text, text, text, boolean, bigint, bigint, text[], bytea[], boolean[], boolean[],
                            uuid[], bytea[], text[], text[], text, text)
    to postern_connection;
grant execute on function postern.schema_version() to postern_operator;
