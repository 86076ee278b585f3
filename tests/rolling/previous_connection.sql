set postern.owner_id = :owner;
select postern.schema_version() as version;
select pg_advisory_xact_lock(hashtextextended('postern.owner ' || :owner, 0));
select count(*) as n from postern.connections where owner_id = :owner;
with changed as (
    insert into postern.connections (owner_id, name, kind, endpoint, read_only)
    values (:owner, :name, 'postgres',
            '{"host":"db.example.com","port":5432,"database":"app","user":"app","tls_mode":"verify-full","ca_pem":""}'::jsonb,
            false)
    on conflict (owner_id, name) do nothing
    returning *),
given as (select * from unnest(array['password'], array['00000000-0000-4000-8000-000000000002'::uuid], array[:sealed],
                               array[decode(repeat('07', 32), 'hex')], array[null::text], array[null::text])
              as g(name, secret_id, sealed, endpoint_digest, sort, last_characters)),
added as (
    insert into postern.secrets (owner_id, connection_id, name, secret_id, sealed, kind, endpoint_digest, sort,
                                 last_characters)
    select c.owner_id, c.id, g.name, g.secret_id, g.sealed, 'postgres', g.endpoint_digest, g.sort, g.last_characters
      from changed c, given g)
select count(*) from changed;
select id, name, version, kind, endpoint::text as endpoint, read_only,
       (extract(epoch from created_at) * 1000000)::bigint as created_us,
       (extract(epoch from updated_at) * 1000000)::bigint as updated_us,
       array(select unnest(array[s.name, coalesce(s.sort, ''), coalesce(s.last_characters, '')])
               from postern.secrets s
              where s.owner_id = c.owner_id and s.connection_id = c.id order by s.name) as secrets
  from postern.connections c where owner_id = :owner and name = :name;
with changed as (
    update postern.connections
       set kind = 'postgres', endpoint = endpoint, read_only = true, version = version + 1, updated_at = now()
     where owner_id = :owner and name = :name
    returning *),
given as (select * from unnest(array['password'], array['00000000-0000-4000-8000-000000000003'::uuid], array[:sealed],
                               array[decode(repeat('07', 32), 'hex')], array[null::text], array[null::text])
              as g(name, secret_id, sealed, endpoint_digest, sort, last_characters)),
replaced as (
    update postern.secrets s
       set secret_id = g.secret_id, sealed = g.sealed, kind = 'postgres', endpoint_digest = g.endpoint_digest,
           sort = g.sort, last_characters = g.last_characters
      from changed c, given g
     where s.owner_id = c.owner_id and s.connection_id = c.id and s.name = g.name returning s.name),
added as (
    insert into postern.secrets (owner_id, connection_id, name, secret_id, sealed, kind, endpoint_digest, sort,
                                 last_characters)
    select c.owner_id, c.id, g.name, g.secret_id, g.sealed, 'postgres', g.endpoint_digest, g.sort, g.last_characters
      from changed c, given g
     where g.name not in (select name from replaced)),
dropped as (
    delete from postern.secrets s using changed c
     where s.owner_id = c.owner_id and s.connection_id = c.id and s.name <> all (array['password'])
       and s.name <> all (array[]::text[]))
select id, version from changed;
delete from postern.connections where owner_id = :owner and name = 'gone'
