-- Roles and schemas. Who may do what is decided here and in the grants of the later migrations.
--
-- Nobody logs in as one of the motcua_ roles: sessions log in with their own account and work under
-- a role (`set role`). motcua_owner owns what must never change; no login is a member of it.

do $$
declare
    role_name text;
begin
    foreach role_name in array array[
        'motcua_owner', 'motcua_loader', 'motcua_transformer', 'motcua_publisher',
        'bi_reader', 'ops_reader'
    ] loop
        if not exists (select from pg_roles where rolname = role_name) then
            execute format('create role %I nologin', role_name);
        end if;
    end loop;
end
$$;

do $$
declare
    login text;
    role_name text;
begin
    -- The account of the pipeline: `motcua` on the embedded server, elsewhere the one of the URL.
    select coalesce((select rolname from pg_roles where rolname = 'motcua' and rolcanlogin
                     and session_user = 'postgres'), session_user) into login;
    foreach role_name in array array[
        'motcua_loader', 'motcua_transformer', 'motcua_publisher', 'ops_reader'
    ] loop
        execute format('grant %I to %I', role_name, login);
    end loop;
    execute format('grant connect, temporary on database %I to motcua_loader, motcua_transformer,'
        || ' motcua_publisher, bi_reader, ops_reader, %I', current_database(), login);
    execute format('alter database %I set timezone to ''Asia/Ho_Chi_Minh''', current_database());
end
$$;

revoke create on schema public from public;

create schema raw authorization motcua_loader;
create schema reference authorization motcua_owner;
create schema ops;
create schema staging authorization motcua_transformer;
create schema intermediate authorization motcua_transformer;
create schema core authorization motcua_transformer;
create schema marts authorization motcua_transformer;
create schema published authorization motcua_owner;
create schema provisional authorization motcua_publisher;

alter default privileges for role motcua_transformer in schema core
    grant select on tables to motcua_publisher;
alter default privileges for role motcua_transformer in schema marts
    grant select on tables to motcua_publisher;
alter default privileges for role motcua_transformer in schema intermediate
    grant select on tables to motcua_publisher;
grant usage on schema core, marts, intermediate to motcua_publisher;
