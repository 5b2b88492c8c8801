#!/bin/sh
# Makes the logins and databases of a new PostgreSQL, or gives the logins the passwords that the
# secret files hold now. The image runs it once; run it again after a password was made anew.
set -eu
MOTCUA_SECRETS=${MOTCUA_SECRETS:-/run/secrets}
PGPASSWORD=${PGPASSWORD:-$(cat "$MOTCUA_SECRETS/postgres_password")}
export MOTCUA_SECRETS PGPASSWORD

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username postgres --dbname postgres <<'SQL'
\set postgres `cat "$MOTCUA_SECRETS/postgres_password"`
\set motcua `cat "$MOTCUA_SECRETS/motcua_password"`
\set airflow `cat "$MOTCUA_SECRETS/airflow_password"`
\set bi_reader `cat "$MOTCUA_SECRETS/bi_reader_password"`
-- A statement that fails is not written to the server's log: these hold passwords.
set log_min_error_statement = panic;
select format('create role %I', login)
from unnest(array['motcua', 'airflow', 'bi_reader']) as login
where not exists (select from pg_roles where rolname = login)
\gexec
alter role postgres password :'postgres';
alter role motcua login createrole password :'motcua';
alter role airflow login password :'airflow';
alter role bi_reader login password :'bi_reader';
select format('create database %I owner %I', name, owner)
from (values ('warehouse', 'motcua'), ('airflow', 'airflow')) as wanted (name, owner)
where not exists (select from pg_database where datname = name)
\gexec
revoke connect, temporary on database warehouse, airflow from public;
SQL
