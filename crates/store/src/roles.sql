-- The roles of Postern's control database. To be run in that database, by a superuser or by the database's owner with
-- CREATEROLE. It may be run again. Passwords are set apart, in psql for example with \password ROLE.

do $postern$
declare
    login name;
begin
    -- Owns the schema. Nobody signs in as it.
    if not exists (select from pg_catalog.pg_roles where rolname = 'postern_owner') then
        create role postern_owner nologin nocreatedb nocreaterole;
    end if;
    execute format('grant create, connect on database %I to postern_owner', current_database());

    foreach login in array '{LOGIN_ROLES}'::name[] loop
        if not exists (select from pg_catalog.pg_roles where rolname = login) then
            execute format('create role %I login nocreatedb nocreaterole', login);
        end if;
        execute format('grant connect on database %I to %I', current_database(), login);
    end loop;

    -- Migrations are made as the owner. To grant again what another administrator has granted might be refused.
    if not pg_catalog.pg_has_role('postern_migrator', 'postern_owner', 'member') then
        grant postern_owner to postern_migrator;
    end if;
end
$postern$;
