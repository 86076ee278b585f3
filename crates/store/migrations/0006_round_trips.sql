-- Makes the two most frequent operations cheap: looking a connection up, and saving one, each in one round trip.
--
-- Services of the previous release keep working with this schema: what they use is still there.

-- Replaces 0005's number.
create or replace function postern.schema_version() returns integer
    language sql immutable parallel safe
    set search_path = ''
    as $$ select 6 $$;

-- As before, but the names in a SQL-standard body are resolved once, when the function is created. So it needs no
-- search path of its own, and without a SET clause the planner can inline it.
create or replace function postern.current_owner() returns uuid
    language sql stable parallel safe
    return nullif(pg_catalog.current_setting('postern.owner_id', true), '')::pg_catalog.uuid;

-- Inlined, the owner is a plain expression: cheaper than the sub-select that used to keep it from being computed for
-- each row, with a function call each time.
alter policy own_rows_select on postern.connections using (owner_id = postern.current_owner());
alter policy own_rows_insert on postern.connections with check (owner_id = postern.current_owner());
alter policy own_rows_update on postern.connections
    using (owner_id = postern.current_owner()) with check (owner_id = postern.current_owner());
alter policy own_rows_delete on postern.connections using (owner_id = postern.current_owner());
alter policy only_own_rows on postern.connections
    using (owner_id = postern.current_owner()) with check (owner_id = postern.current_owner());
alter policy own_secrets_select on postern.secrets using (owner_id = postern.current_owner());
alter policy own_secrets_insert on postern.secrets with check (owner_id = postern.current_owner());
alter policy own_secrets_update on postern.secrets
    using (owner_id = postern.current_owner()) with check (owner_id = postern.current_owner());
alter policy own_secrets_delete on postern.secrets using (owner_id = postern.current_owner());
alter policy only_own_secrets on postern.secrets
    using (current_user = 'postern_rewrap' or owner_id = postern.current_owner())
    with check (current_user = 'postern_rewrap' or owner_id = postern.current_owner());

-- Finds a row by owner in one index only, that of names. The planner takes an owner for somebody with a single row, so that
-- it would use the other index just as gladly, and read all of the owner's rows for one of them. Ids come first here, and
-- one index serves both the key and the reference.
alter table postern.secrets drop constraint secrets_connection_fkey;
alter table postern.connections drop constraint connections_owner_id_id_key;
alter table postern.connections drop constraint connections_pkey;
alter table postern.connections add primary key (id, owner_id);
-- As before: a secret has the owner of its connection, and goes with it.
alter table postern.secrets add constraint secrets_connection_fkey
    foreign key (connection_id, owner_id) references postern.connections (id, owner_id) on delete cascade;

-- Leaves room on each page for the next version of its rows. No indexed column changes in a save or a rewrap, so such an
-- update then touches no index.
alter table postern.connections set (fillfactor = 80);
alter table postern.secrets set (fillfactor = 80);

-- Which version each of several owners' connections is at, in one round trip. The endpoint of a version never changes,
-- so a service that has read it once needs no more than this. Names without a connection yield no row.
--
-- A loop, and not a join: for each item the owner is set first, and then a statement of its own reads under row level
-- security. In a join the policies would see one owner for all items. Volatile, so that each statement sees what was
-- committed before it. The ordinal counts from 1; callers check it and the owner against what they asked for.
create function postern.look_up_connections(owners uuid[], connection_names text[])
    returns table (ordinal integer, owner_id uuid, id uuid, version bigint)
    language plpgsql volatile security invoker
    set search_path = ''
    as $$
declare
    done text;
begin
    for item in 1 .. pg_catalog.cardinality(owners) loop
        -- An assignment is cheaper than `perform`, which runs a query.
        done := pg_catalog.set_config('postern.owner_id', owners[item]::pg_catalog.text, true);
        select c.owner_id, c.id, c.version into owner_id, id, version
          from postern.connections c
         where c.owner_id = owners[item] and c.name = connection_names[item];
        if found then
            ordinal := item;
            return next;
        end if;
    end loop;
end
$$;

-- Creates or changes a connection with its secrets, in one round trip.
--
-- * expected: the version that the change starts from. 0: the connection must not exist. Null: any.
-- * most: connections that the owner may have.
-- * The arrays have one element for each secret that the kind may hold. secret_ids: null if the secret is not given.
--   Such a secret is kept unless it is removed or was sealed for another endpoint.
--
-- outcome is 'saved', and otherwise nothing was written:
-- * 'stale': the connection is not at the expected version.
-- * 'secret_required': a secret is not given that the endpoint requires, or that is stored and does not fit the endpoint.
-- * 'too_many': the owner has as many connections as allowed.
--
-- kept has three texts for each secret that was kept: name, sort, last characters.
create function postern.save_connection(
        owner uuid, connection_name text, connection_kind text, new_endpoint text, is_read_only boolean,
        expected bigint, most bigint,
        secret_names text[], digests bytea[], required boolean[], removed boolean[],
        secret_ids uuid[], seals bytea[], sorts text[], lasts text[])
    returns table (outcome text, saved_id uuid, saved_version bigint, created_us bigint, updated_us bigint, kept text[])
    language plpgsql volatile security invoker
    set search_path = ''
    as $$
declare
    is_complete constant boolean := pg_catalog.array_position(secret_ids, null) is null;
    stays text[];
    given text[] := '{}';
    stored_digest bytea;
    is_new boolean;
    created timestamptz;
    updated timestamptz;
begin
    perform pg_catalog.set_config('postern.owner_id', owner::pg_catalog.text, true);
    kept := '{}';
    -- Twice at most: another save may create the row after it was found missing. It is there then, to be changed.
    for attempt in 1 .. 2 loop
        stays := '{}';
        if not is_complete then
            -- Locked first, and the secrets read by a statement of its own, which sees those of the save that held the
            -- lock.
            select c.id, c.version into saved_id, saved_version
              from postern.connections c where c.owner_id = owner and c.name = connection_name for update;
            if expected is not null and expected <> coalesce(saved_version, 0) then
                outcome := 'stale';
                return next;
                return;
            end if;
            for slot in 1 .. pg_catalog.cardinality(secret_names) loop
                continue when secret_ids[slot] is not null;
                select s.endpoint_digest into stored_digest from postern.secrets s
                 where s.owner_id = owner and s.connection_id = saved_id and s.name = secret_names[slot];
                if found and not removed[slot] and stored_digest = digests[slot] then
                    stays := stays || secret_names[slot];
                elsif required[slot] or (found and not removed[slot]) then
                    outcome := 'secret_required';
                    return next;
                    return;
                end if;
            end loop;
        end if;

        update postern.connections c
           set kind = connection_kind, endpoint = new_endpoint::pg_catalog.jsonb, read_only = is_read_only,
               version = c.version + 1, updated_at = pg_catalog.now()
         where c.owner_id = owner and c.name = connection_name and c.version = coalesce(expected, c.version)
           -- Only the row whose secrets were looked at: one that was created since may have others, to be kept.
           and (is_complete or c.id = saved_id)
        returning c.id, c.version, c.created_at, c.updated_at into saved_id, saved_version, created, updated;
        is_new := not found;
        exit when found;

        if expected is null or expected = 0 then
            -- Counted under a lock that other inserts of the same owner wait for, until this transaction ends.
            perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('postern.owner ' || owner, 0));
            if expected = 0 and exists (
                select from postern.connections c where c.owner_id = owner and c.name = connection_name)
            then
                outcome := 'stale';
                return next;
                return;
            end if;
            if (select pg_catalog.count(*) from postern.connections c where c.owner_id = owner) >= most then
                outcome := 'too_many';
                return next;
                return;
            end if;
            insert into postern.connections as c (owner_id, name, kind, endpoint, read_only)
            values (owner, connection_name, connection_kind, new_endpoint::pg_catalog.jsonb, is_read_only)
            on conflict (owner_id, name) do nothing
            returning c.id, c.version, c.created_at, c.updated_at into saved_id, saved_version, created, updated;
            exit when found;
        end if;
        if expected is not null or attempt = 2 then
            outcome := 'stale';
            return next;
            return;
        end if;
    end loop;

    for slot in 1 .. pg_catalog.cardinality(secret_names) loop
        continue when secret_ids[slot] is null;
        given := given || secret_names[slot];
        if not is_new then
            -- Not "on conflict": to read excluded.sealed takes the right to read seals.
            update postern.secrets s
               set secret_id = secret_ids[slot], sealed = seals[slot], kind = connection_kind,
                   endpoint_digest = digests[slot], sort = sorts[slot], last_characters = lasts[slot]
             where s.owner_id = owner and s.connection_id = saved_id and s.name = secret_names[slot];
            continue when found;
        end if;
        insert into postern.secrets (owner_id, connection_id, name, secret_id, sealed, kind, endpoint_digest, sort,
                                     last_characters)
        values (owner, saved_id, secret_names[slot], secret_ids[slot], seals[slot], connection_kind, digests[slot],
                sorts[slot], lasts[slot]);
    end loop;
    if not is_new then
        delete from postern.secrets s
         where s.owner_id = owner and s.connection_id = saved_id and s.name <> all (given || stays);
    end if;
    if stays <> '{}' then
        kept := array(
            select pg_catalog.unnest(array[s.name, coalesce(s.sort, ''), coalesce(s.last_characters, '')])
              from postern.secrets s
             where s.owner_id = owner and s.connection_id = saved_id and s.name = any (stays));
    end if;
    outcome := 'saved';
    created_us := (extract(epoch from created) * 1000000)::pg_catalog.int8;
    updated_us := (extract(epoch from updated) * 1000000)::pg_catalog.int8;
    return next;
end
$$;

-- To tell which stored secrets fit an endpoint. A digest is no secret of the seal's: the endpoint can be read anyway.
grant select (endpoint_digest) on postern.secrets to postern_connection;

revoke all on function
    postern.look_up_connections(uuid[], text[]),
    postern.save_connection(uuid, text, text, text, boolean, bigint, bigint, text[], bytea[], boolean[], boolean[],
                            uuid[], bytea[], text[], text[])
    from public;
grant execute on function postern.look_up_connections(uuid[], text[]) to postern_proxy;
grant execute on function
    postern.save_connection(uuid, text, text, text, boolean, bigint, bigint, text[], bytea[], boolean[], boolean[],
                            uuid[], bytea[], text[], text[])
    to postern_connection;
