#!/bin/sh
# Saves the state of a server that keeps it in a folder (SQLite), also while it runs:
#     backup.sh /var/lib/syncline /srv/backups/2026-11-21
# and puts it back, while it does not run:
#     backup.sh --restore /srv/backups/2026-11-21 /var/lib/syncline
# What is saved holds the key that opens the secrets of connections: keep it as you keep passwords.
# With --store postgres://… save the database with pg_dump, and the key file as this does.
set -eu
umask 077

die() { echo "backup.sh: $*" >&2; exit 1; }

save() {
    state=$1/server target=$2
    [ -f "$state/syncline.db" ] || die "$1 holds no state of a server"
    [ ! -e "$target" ] || die "$target is there already"
    command -v sqlite3 >/dev/null || die "sqlite3 is missing (Debian package sqlite3)"
    mkdir -p "$target.new"
    # One moment of the database, without holding the server up.
    sqlite3 "$state/syncline.db" ".timeout 30000" ".backup '$target.new/syncline.db'"
    [ "$(sqlite3 "$target.new/syncline.db" 'PRAGMA integrity_check')" = ok ] || die "the copy is damaged"
    [ ! -f "$state/secrets.key" ] || cp "$state/secrets.key" "$target.new/"
    mv "$target.new" "$target"
}

restore() {
    source=$1 state=$2/server
    [ -f "$source/syncline.db" ] || die "$source holds no backup"
    [ ! -e "$state/syncline.db" ] || die "$state holds a state already: move it away first"
    mkdir -p "$state"
    [ ! -f "$source/secrets.key" ] || cp "$source/secrets.key" "$state/"
    cp "$source/syncline.db" "$state/syncline.db.new"
    mv "$state/syncline.db.new" "$state/syncline.db"
}

case ${1-} in
    --restore) [ $# -eq 3 ] || die "usage: backup.sh --restore BACKUP STATE"; restore "$2" "$3" ;;
    *) [ $# -eq 2 ] || die "usage: backup.sh STATE BACKUP"; save "$1" "$2" ;;
esac
