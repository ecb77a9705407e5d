#!/usr/bin/env bash
# Brings a new version to a stack that runs, and loses no request: the migrations, one replica behind the other, the workers.
#   ./roll-out.sh
#
# A migration has to suit the version that still runs, and the new version the tables as they were before: what is removed is
# removed one release later than it was last used.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
docker compose build --quiet release
docker compose run --rm --no-deps -T release
for replica in capstone capstone-2; do
  # Told to stop, it is not ready and goes on for DRAIN_SECONDS; the proxy sees it. The next waits until this one is healthy.
  docker compose up --detach --no-deps --no-build --force-recreate --wait "$replica"
done
docker compose up --detach --no-deps --no-build --force-recreate --wait worker
