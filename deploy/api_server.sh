#!/bin/sh
# Airflow opens the file of its users' passwords for writing, and secrets are mounted read-only.
set -eu
umask 077
mkdir -p "$AIRFLOW_HOME"
cp "${MOTCUA_SECRETS:-/run/secrets}/airflow_passwords.json" "$AIRFLOW_HOME/passwords.json"
exec airflow api-server
