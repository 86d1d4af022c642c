#!/bin/sh
# Copies the outbox of a running server, so that the copy is whole: backup-outbox.sh OUTBOX.db NEW_FOLDER
#
# SQLite writes what is new behind the log (OUTBOX.db-wal) and now and then moves it into the database; the log begins
# anew after that only, with another header. So a database that is copied first and a log that is copied second are
# whole together where the log's header has stayed the same: whatever was moved meanwhile is in the log still.
set -eu
outbox=$1
folder=$2
name=$(basename "$outbox")

header() {
  if [ -e "$outbox-wal" ]; then head -c 32 "$outbox-wal" | cksum; else echo none; fi
}

umask 077
mkdir "$folder"
tries=0
while :; do
  before=$(header)
  cp "$outbox" "$folder/$name"
  rm -f "$folder/$name-wal"
  if [ "$before" != none ]; then cp "$outbox-wal" "$folder/$name-wal"; fi
  if [ "$before" = "$(header)" ]; then break; fi
  tries=$((tries + 1))
  if [ "$tries" -ge 100 ]; then
    echo "$outbox changes too fast: copied $tries times, and never at rest" >&2
    exit 1
  fi
done
sync "$folder"/*
