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

    -- What a service has begun and lost interest in must not go on for long. A service waits four seconds for its
    -- statements, and gets the server's answer this way when it is a lock that they wait for.
    foreach login in array '{TIMED_ROLES}'::name[] loop
        execute format('alter role %I set statement_timeout = ''3s''', login);
        execute format('alter role %I set lock_timeout = ''2s''', login);
        execute format('alter role %I set idle_in_transaction_session_timeout = ''10s''', login);
    end loop;
    -- Reads all seals, and holds a lock in an idle transaction while it moves them. Its server process notices within
    -- half a minute that the client is gone.
    alter role postern_rewrap set statement_timeout = '10min';
    alter role postern_rewrap set lock_timeout = '10s';
    alter role postern_rewrap set tcp_keepalives_idle = '10s';
    alter role postern_rewrap set tcp_keepalives_interval = '5s';
    alter role postern_rewrap set tcp_keepalives_count = 4;

    -- Migrations are made as the owner. To grant again what another administrator has granted might be refused.
    if not pg_catalog.pg_has_role('postern_migrator', 'postern_owner', 'member') then
        grant postern_owner to postern_migrator;
    end if;
end
$postern$;
