select postern.schema_version() as version;
select id, name, version, kind, endpoint::text as endpoint, read_only,
       (extract(epoch from created_at) * 1000000)::bigint as created_us,
       (extract(epoch from updated_at) * 1000000)::bigint as updated_us
  from postern.look_up_connection(:owner, :name);
select s.name, s.secret_id, s.sealed
  from postern.look_up_connection(:owner, :name) c,
       lateral postern.connection_seals(:owner, c.id, c.version) s
