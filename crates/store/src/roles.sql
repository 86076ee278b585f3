-- The roles of Postern's control database. To be run in that database, by a superuser or by the database's owner with
-- CREATEROLE. It may be run again. Passwords are set apart, in psql for example with \password ROLE.

do $postern$
declare
    login name;
    setting record;
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

    -- What a service has begun and no longer waits for must not go on for long. The services wait four seconds for their
    -- statements: when those wait for a lock, they get the server's answer in time. The rewrap role reads all seals, and
    -- holds a lock in a transaction that is idle meanwhile; its keepalives tell the server within half a minute that the
    -- client is gone. What an administrator has set otherwise stays.
    for setting in
        select * from (values
            ('postern_connection', 'statement_timeout', '3s'),
            ('postern_connection', 'lock_timeout', '2s'),
            ('postern_connection', 'idle_in_transaction_session_timeout', '10s'),
            ('postern_proxy', 'statement_timeout', '3s'),
            ('postern_proxy', 'lock_timeout', '2s'),
            ('postern_proxy', 'idle_in_transaction_session_timeout', '10s'),
            ('postern_operator', 'statement_timeout', '10s'),
            ('postern_operator', 'lock_timeout', '5s'),
            ('postern_operator', 'idle_in_transaction_session_timeout', '10s'),
            ('postern_rewrap', 'statement_timeout', '10min'),
            ('postern_rewrap', 'lock_timeout', '10s'),
            ('postern_rewrap', 'tcp_keepalives_idle', '10s'),
            ('postern_rewrap', 'tcp_keepalives_interval', '5s'),
            ('postern_rewrap', 'tcp_keepalives_count', '4')) as wanted (role, name, value)
         where not exists (
             select from pg_catalog.pg_db_role_setting as made, pg_catalog.unnest(made.setconfig) as set
              where made.setrole = wanted.role::pg_catalog.regrole and set like wanted.name || '=%')
    loop
        execute format('alter role %I set %I = %L', setting.role, setting.name, setting.value);
    end loop;

    -- Migrations are made as the owner. To grant again what another administrator has granted might be refused.
    if not pg_catalog.pg_has_role('postern_migrator', 'postern_owner', 'member') then
        grant postern_owner to postern_migrator;
    end if;
end
$postern$;
