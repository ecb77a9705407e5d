#!/bin/bash
# The logins of the platform's processes. Run by the image of PostgreSQL when the database is made, and by hand once a
# password is another one: docker compose up --detach postgres, then docker compose exec postgres bash /docker-entrypoint-initdb.d/logins.sh
#
#   capstone_owner    owns the tables, and migrates them; no process that is reached from outside has this password
#   capstone_app      serves requests: sees the rows of the tenant that its transaction names
#   capstone_worker   runs jobs: sees the jobs of all tenants, and else what the app sees
#   capstone_backup   reads everything, whosever it is, and writes nothing: else a backup would miss what policies hide
set -euo pipefail
for name in OWNER APP WORKER BACKUP; do
  variable=${name}_PASSWORD
  [[ -n ${!variable:-} ]] || { echo "logins: $variable is not set" >&2; exit 1; }
done
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD
\getenv worker_password WORKER_PASSWORD
\getenv backup_password BACKUP_PASSWORD
SELECT format('CREATE ROLE %I', name)
FROM unnest(ARRAY['capstone_owner', 'capstone_app', 'capstone_worker', 'capstone_backup']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE capstone_owner NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS LOGIN PASSWORD :'owner_password';
ALTER ROLE capstone_app NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS LOGIN PASSWORD :'app_password';
ALTER ROLE capstone_worker NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS LOGIN PASSWORD :'worker_password';
ALTER ROLE capstone_backup NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS LOGIN PASSWORD :'backup_password';
GRANT pg_read_all_data TO capstone_backup;
GRANT capstone_app TO capstone_owner; -- to make data to develop with, as the app does
ALTER DATABASE :"DBNAME" OWNER TO capstone_owner;
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"DBNAME" TO capstone_app, capstone_worker, capstone_backup;
SQL
