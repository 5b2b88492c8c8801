#!/bin/sh
# Makes what docker-compose.yml needs and no repository may hold: passwords, keys, certificates,
# folders and .env. What is there stays, so it can be run again at any time.
#
#     deploy/prepare.sh              what is missing
#     deploy/prepare.sh NAME...      these secrets anew (docs/runbook.md says what else that needs)
#
# The account that runs it owns everything, and the containers run as that account. Root names
# another one, the first time: MOTCUA_UID=990 MOTCUA_GID=990 deploy/prepare.sh
# A MOTCUA_STATE that is no full path begins at the project's folder, as it does for docker compose.
set -eu
umask 077

project=$(cd "$(dirname "$0")/.." && pwd)
environment=${MOTCUA_ENV_FILE:-$project/.env}
postgres=${MOTCUA_POSTGRES_ADDRESS:-postgres:5432}
redis=${MOTCUA_REDIS_ADDRESS:-redis:6379}
anew=" $* "

told() { # told NAME: a value of .env, if there is one
    [ ! -f "$environment" ] || sed -n "s/^$1=//p" "$environment"
}
uid=${MOTCUA_UID:-$(told MOTCUA_UID)}
uid=${uid:-$(id -u)}
gid=${MOTCUA_GID:-$(told MOTCUA_GID)}
gid=${gid:-$(id -g)}
if [ "$uid" = 0 ]; then
    echo "The containers do not run as root. Run this as another account, or name one:" >&2
    echo "    MOTCUA_UID=990 MOTCUA_GID=990 $0" >&2
    exit 1
fi
if [ "$(id -u)" != 0 ] && [ "$(id -u)" != "$uid" ]; then
    echo "The containers run as account $uid ($environment), which could not read what account" >&2
    echo "$(id -u) makes here. Run this as account $uid or as root." >&2
    exit 1
fi
state=${MOTCUA_STATE:-$(told MOTCUA_STATE)}
state=${state:-production}
case $state in /*) ;; *) state=$project/${state#./} ;; esac
secrets=$state/secrets
command -v openssl >/dev/null || { echo "openssl is missing: install it first." >&2; exit 1; }

mkdir -p "$secrets/users"
for folder in postgres redis home landing publications notices logs; do
    mkdir -p "$state/data/$folder"
done
mkdir -p "$state/backups" "$state/settings"

[ -f "$environment" ] || cat >"$environment" <<EOF
# Written once by deploy/prepare.sh, read by it and by docker compose; yours to change.
# No secrets here: they are in $secrets.
MOTCUA_STATE=$state
MOTCUA_UID=$uid
MOTCUA_GID=$gid
# name:role, with commas between; roles are viewer, user (may sign publications), op and admin.
MOTCUA_AIRFLOW_USERS=admin:admin,approver:user,viewer:viewer
EOF
sed -i '/^MOTCUA_COMMIT=/d' "$environment"
[ -z "$(tail -c 1 "$environment")" ] || echo >>"$environment" # its last line had no end
echo "MOTCUA_COMMIT=$(git -C "$project" rev-parse HEAD 2>/dev/null || echo unknown)" >>"$environment"
users=$(told MOTCUA_AIRFLOW_USERS)

# Compose mounts these two as they are. A checkout under a strict umask is its owner's alone.
for file in "$project/deploy/logins.sh" "$project/deploy/pg_hba.conf"; do
    [ -n "$(find "$file" -perm -a=r)" ] || chmod a+rX "$file" || {
        echo "Account $uid, as which the containers run, has to read $file: chmod a+rX $file" >&2
        exit 1
    }
done

is_wanted() { # is_wanted NAME: whether a secret is missing or asked for anew
    [ ! -f "$secrets/$1" ] || case $anew in *" $1 "*) true ;; *) false ;; esac
}
# Secrets end without a newline: Airflow takes what `cat` prints as it is. They are written into the
# same inode, because running containers have it mounted.
write() { # write NAME: standard input
    cat >"$secrets/$1"
    echo "  wrote $secrets/$1"
}
keep() { # keep NAME COMMAND...: what the command prints, if the secret is wanted
    is_wanted "$1" || return 0
    secret=$1
    shift
    made=$("$@")
    printf %s "$made" | write "$secret"
}
refresh() { # refresh NAME: standard input, if it is not what stands
    fresh=$(cat)
    if [ ! -f "$secrets/$1" ] || [ "$(cat "$secrets/$1")" != "$fresh" ]; then
        printf %s "$fresh" | write "$1"
    fi
}
of() { cat "$secrets/$1"; }
certify() { # certify ARGUMENT...: openssl, which tells what it does at length even if all is well
    said=$(openssl "$@" 2>&1) || {
        echo "$said" >&2
        echo "The certificate was not made: openssl $1 failed ($(openssl version))." >&2
        echo "Mend what it says, or install another openssl; then run this again." >&2
        exit 1
    }
}

for name in postgres motcua airflow bi_reader redis; do
    keep "${name}_password" openssl rand -hex 24
done
for name in jwt_secret api_secret_key; do keep "$name" openssl rand -hex 48; done
keep alert_webhook true # empty: no webhook; put its URL into the file

# Beside a new key of Airflow's connections the former one stays, to read what it encrypted.
if is_wanted fernet_key; then
    former=$([ ! -f "$secrets/fernet_key" ] || sed 's/^/,/' "$secrets/fernet_key")
    made=$(openssl rand -base64 32)
    printf %s "$(echo "$made" | tr '+/' '-_')$former" | write fernet_key
fi
# A new key of the pseudonyms makes strangers of all known persons: never by the way.
case $anew in *" pseudonym.key "*)
    echo "Move $secrets/pseudonym.key away first, and keep it: see docs/runbook.md." >&2
    exit 1
    ;;
esac
keep pseudonym.key openssl rand -hex 32

echo "postgresql://postgres:$(of postgres_password)@$postgres/warehouse?sslmode=verify-full" | refresh admin_url
echo "postgresql://motcua:$(of motcua_password)@$postgres/warehouse?sslmode=verify-full" | refresh warehouse_url
echo "postgresql+psycopg2://airflow:$(of airflow_password)@$postgres/airflow?sslmode=verify-full" | refresh metadata_url
# asyncpg takes sslmode from PGSSLMODE alone.
echo "postgresql+asyncpg://airflow:$(of airflow_password)@$postgres/airflow" | refresh metadata_url_async
echo "redis://:$(of redis_password)@$redis/0" | refresh broker_url
echo "requirepass $(of redis_password)" | refresh redis.conf

separator=
list=
for user in $(echo "$users" | tr ',' ' '); do
    name=${user%%:*}
    keep "users/$name" openssl rand -hex 12
    list="$list$separator\"$name\": \"$(of "users/$name")\""
    separator=", "
done
echo "{$list}" | refresh airflow_passwords.json

# A certificate authority of this installation alone, and the certificate of its PostgreSQL.
if is_wanted ca.crt; then
    certify req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
        -subj "/CN=motcua" -keyout "$secrets/ca.key" -out "$secrets/ca.crt"
    rm -f "$secrets/server.crt"
    echo "  wrote $secrets/ca.crt"
fi
if is_wanted server.crt; then
    names=DNS:postgres,DNS:localhost,IP:127.0.0.1${MOTCUA_POSTGRES_NAMES:+,$MOTCUA_POSTGRES_NAMES}
    echo "subjectAltName=$names" >"$secrets/server.ext"
    certify req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=postgres" \
        -keyout "$secrets/server.key" -out "$secrets/server.csr"
    certify x509 -req -in "$secrets/server.csr" -CA "$secrets/ca.crt" -CAkey "$secrets/ca.key" \
        -CAcreateserial -days 825 -extfile "$secrets/server.ext" -out "$secrets/server.crt"
    rm -f "$secrets/server.csr" "$secrets/server.ext"
    echo "  wrote $secrets/server.crt"
fi
if [ "$(id -u)" = 0 ]; then
    chown "$uid:$gid" "$environment"
    chown -R "$uid:$gid" "$secrets" "$state/settings"
    # What services keep is their account's already, unless the account is another one than before.
    for folder in "$state" "$state/data" "$state"/data/*; do
        [ -n "$(find "$folder" -maxdepth 0 -user "$uid" -group "$gid")" ] ||
            chown -R "$uid:$gid" "$folder"
    done
    # Files of others may lie in these, and may vanish while this looks at them.
    for folder in "$state/data/landing" "$state/backups"; do
        find "$folder" ! -user "$uid" -exec chown -h "$uid:$gid" {} + 2>/dev/null || true
    done
fi
echo "Ready: docker compose up --detach --build"
