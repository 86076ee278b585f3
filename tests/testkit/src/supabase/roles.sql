-- The roles of a Supabase project, which belong to the whole server: several projects of a test may share one.
select pg_advisory_xact_lock(7236);
do $$
begin
  if not exists (select from pg_roles where rolname = 'anon') then
    create role anon nologin noinherit;
    create role authenticated nologin noinherit;
    create role service_role nologin noinherit bypassrls;
  end if;
end
$$;
