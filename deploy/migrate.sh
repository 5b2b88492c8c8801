#!/bin/sh
# Brings both databases to the version of this image, before anything else starts.
set -eu
motcua check-reference
airflow db migrate
python -c 'from motcua.warehouse import schema; print(schema.migrate() or "The warehouse is up to date.")'
