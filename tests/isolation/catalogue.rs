//! What the catalogue says of every table, function and role of ours, so that a migration cannot forget a rule.

use std::str::FromStr;

use postern_testkit::Postern;
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};

/// Each question lists what breaks a rule.
const RULES: [(&str, &str); 12] = [
    (
        "a table without forced row level security",
        "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where n.nspname = 'postern' and c.relkind in ('r', 'p') and c.relname <> '_sqlx_migrations'
            and not (c.relrowsecurity and c.relforcerowsecurity)",
    ),
    (
        "a table without a restrictive policy",
        "select t.tablename::text from pg_tables t
          where t.schemaname = 'postern' and t.tablename <> '_sqlx_migrations'
            and not exists (select from pg_policies p where p.schemaname = t.schemaname and p.tablename = t.tablename
                                                        and p.permissive = 'RESTRICTIVE' and p.cmd = 'ALL')",
    ),
    (
        "a restrictive policy that lets somebody through besides owners, postern_rewrap to the secrets, and operators and \
         services to the denials",
        "select p.policyname::text from pg_policies p, regexp_replace(p.qual, '\\s+', ' ', 'g') as said
          where p.schemaname = 'postern' and p.permissive = 'RESTRICTIVE'
            and not (p.roles = '{public}' and p.tablename = 'denials'
                     and p.with_check = '(CURRENT_USER = ''postern_operator''::name)'
                     and said = '(CURRENT_USER = ANY (ARRAY[''postern_operator''::name, ''postern_connection''::name, ''postern_proxy''::name]))')
            and not (p.roles = '{public}' and p.qual = p.with_check and p.tablename <> 'denials'
                     and said = case when p.tablename = 'secrets'
                         then '((CURRENT_USER = ''postern_rewrap''::name) OR (owner_id = postern.current_owner()))'
                         else '(owner_id = postern.current_owner())' end)",
    ),
    (
        "a permissive policy that looks beyond the owner, for somebody else than postern_rewrap, on another table than denials",
        "select p.policyname::text from pg_policies p
          where p.schemaname = 'postern' and p.permissive = 'PERMISSIVE' and p.roles <> '{postern_rewrap}' and p.tablename <> 'denials'
            and not (coalesce(p.qual, p.with_check) ~ 'postern.current_owner' and coalesce(p.with_check, p.qual) ~ 'postern.current_owner')",
    ),
    (
        "a right of postern_rewrap besides reading what seals are bound to, and writing seals",
        "select privilege_type || ' ' || column_name from information_schema.column_privileges
          where table_schema = 'postern' and grantee = 'postern_rewrap'
            and not (table_name = 'secrets' and privilege_type = 'SELECT')
            and not (table_name = 'secrets' and privilege_type = 'UPDATE' and column_name = 'sealed')
         union all
         select privilege_type || ' ' || table_name from information_schema.table_privileges
          where table_schema = 'postern' and grantee = 'postern_rewrap'
         union all
         select r.rolname::text from pg_auth_members m join pg_roles r on r.oid = m.member
          where m.roleid = 'postern_rewrap'::regrole and not r.rolsuper",
    ),
    (
        "a way for postern_connection to read a seal, or for postern_proxy to write",
        "select privilege_type || ' ' || column_name from information_schema.column_privileges
          where table_schema = 'postern' and grantee = 'postern_connection'
            and privilege_type = 'SELECT' and column_name in ('sealed', 'secret_id')
         union all
         select privilege_type || ' ' || column_name from information_schema.column_privileges
          where table_schema = 'postern' and grantee = 'postern_proxy' and privilege_type <> 'SELECT'
         union all
         select privilege_type || ' ' || table_name from information_schema.table_privileges
          where table_schema = 'postern' and grantee = 'postern_proxy' and privilege_type <> 'SELECT'",
    ),
    (
        "a right of a service to write denials or read notes, or of postern_operator beside the denials",
        "select privilege_type || ' ' || column_name from information_schema.column_privileges
          where table_schema = 'postern' and table_name = 'denials' and grantee not in ('postern_owner', 'postern_operator')
            and not (privilege_type = 'SELECT' and column_name <> 'note' and grantee in ('postern_connection', 'postern_proxy'))
         union all
         select privilege_type || ' ' || column_name from information_schema.column_privileges
          where table_schema = 'postern' and table_name <> 'denials' and grantee = 'postern_operator'
         union all
         select r.rolname::text from pg_auth_members m join pg_roles r on r.oid = m.member
          where m.roleid = 'postern_operator'::regrole and not r.rolsuper",
    ),
    (
        "a function that runs with its owner's rights; or without an empty search_path, unless its body is SQL-standard",
        "select p.proname::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
          where n.nspname = 'postern'
            and (p.prosecdef or not coalesce(p.proconfig @> array['search_path=\"\"'], false))
            and not (p.proname = 'current_owner' and not p.prosecdef and p.prosqlbody is not null)",
    ),
    (
        "a view that does not check the rights of its reader",
        "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where n.nspname = 'postern' and c.relkind in ('v', 'm')
            and not coalesce(c.reloptions @> array['security_invoker=true'], false)",
    ),
    (
        "TRUNCATE, REFERENCES or TRIGGER in the hands of a service",
        "select table_name || ' ' || privilege_type || ' ' || grantee from information_schema.role_table_grants
          where table_schema = 'postern' and grantee <> 'postern_owner'
            and privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER')",
    ),
    (
        "a right for everyone",
        "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) a
          where n.nspname = 'postern' and a.grantee = 0
         union all
         select p.proname::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
          where n.nspname = 'postern' and (p.proacl is null or exists (select from aclexplode(p.proacl) a where a.grantee = 0))",
    ),
    (
        "a role with more than it needs",
        "select rolname::text from pg_roles
          where rolname like 'postern\\_%' and rolname <> 'postern_demo_reader'
            and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication
                 or (rolname = 'postern_owner' and rolcanlogin))",
    ),
];

#[tokio::test]
async fn the_catalogue_breaks_no_rule() {
    let url = Postern::shared().await.superuser_url();
    let mut superuser: PgConnection = PgConnectOptions::from_str(&url).unwrap().connect().await.unwrap();
    for (rule, question) in RULES {
        let found: Vec<String> = sqlx::query_scalar(question).fetch_all(&mut superuser).await.unwrap();
        assert!(found.is_empty(), "{rule}: {found:?}");
    }
}
