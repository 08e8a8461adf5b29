#!/usr/bin/env bash
# A deploy as a good engineer writes it by hand: from a git URL to the first right answer through nginx.
#
#   floor.sh deploy NAME URL     one deploy; prints "step<tab>ms" a line
#   floor.sh drop NAME           forget the site: app instances, database, files, user
#
# FLOOR_VARIANT=plain builds everything each time; =smart keeps the virtualenv while requirements.txt is the same.
# bench/floor.py starts PostgreSQL, the S3 server and nginx and sets the variables that are read here.
set -euo pipefail
umask 022
# Without bytecode every later Python start would compile again, and the script would look slower than it is.
unset PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONUNBUFFERED VIRTUAL_ENV

name=$2 user=${FLOOR_USER_PREFIX}$2
home=$FLOOR_ROOT/sites/$name build=$FLOOR_ROOT/build/$name vhost=$FLOOR_ROOT/nginx/sites/$name.conf
serial=$(date +%s%N) release=$home/releases/$serial static=$home/static/$serial

query() { psql -qtAX -v ON_ERROR_STOP=1 -d "${2:-postgres}" -c "$1"; }
as_site() { if [ "$(id -u)" = 0 ]; then setpriv --reuid "$user" --regid "$user" --clear-groups -- "$@"; else "$@"; fi; }
in_site() (
    set -a
    . "$home/env"
    STATIC_ROOT=$static HOME=$home
    set +a
    cd "$release"
    as_site "$@"
)
stop() { # PIDFILE: TERM, and KILL after 20 s
    [ -s "$1" ] || return 0
    local pid; pid=$(<"$1")
    kill -TERM "$pid" 2>/dev/null || true
    for _ in $(seq 400); do kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
    kill -KILL -- "-$pid" 2>/dev/null || true
    rm -f "$1"
}
timed() { # STEP COMMAND...
    local step=$1 from=${EPOCHREALTIME/./}
    shift
    "$@" || { echo "floor.sh: step $step failed" >&2; exit 1; }
    printf '%s\t%s\n' "$step" $(((${EPOCHREALTIME/./} - from) / 1000))
}

clone() { git clone --quiet --depth 1 "$1" "$build"; }
make_venv() { "$FLOOR_UV" venv --quiet --relocatable --python "$FLOOR_PYTHON" "$build/.venv"; }
install() { "$FLOOR_UV" pip install --quiet "$@" --python "$build/.venv/bin/python" --requirements "$build/requirements.txt"; }
check() { (cd "$build" && "$1/bin/python" manage.py check >/dev/null); }
bundle() { tar -C "$build" --exclude=./.git -cf - . | zstd -q -3 -T0 >"$build.tar.zst"; }
upload() { "$FLOOR_RCLONE" copyto "$build.tar.zst" "s3:floor/$name/$serial.tar.zst"; }
download() { "$FLOOR_RCLONE" copyto "s3:floor/$name/$serial.tar.zst" "$build.fetched"; }
database() {
    [ -z "$(query "select 1 from pg_database where datname = '$user'")" ] || return 0
    local word; word=$(od -An -tx1 -N16 /dev/urandom | tr -d ' \n')
    query "create role \"$user\" login password '$word'"
    query "create database \"$user\" owner \"$user\""
    query "revoke connect on database \"$user\" from public"
    printf 'DATABASE_URL=postgres://%s:%s@127.0.0.1:%s/%s\nSECRET_KEY=%s\n' "$user" "$word" "$PGPORT" "$user" "$word$word" >"$home/env"
    chmod 600 "$home/env"
}
make_user() {
    if [ "$(id -u)" = 0 ]; then
        id "$user" >/dev/null 2>&1 || useradd --system --user-group --no-create-home --shell /bin/false "$user"
        chown "$user" "$home"
        command install -d -o "$user" "$home/static" "$static"
    else
        mkdir -p "$static"
    fi
}
extract() {
    mkdir -p "$release"
    zstd -q -dc "$build.fetched" | tar -C "$release" --no-same-owner -xf -
    [ "$FLOOR_VARIANT" = plain ] || ln -sfn "$venv" "$release/.venv"
}
migrate() { in_site .venv/bin/python manage.py migrate --noinput >/dev/null; }
collectstatic() { in_site .venv/bin/python manage.py collectstatic --noinput >/dev/null; }
start() {
    # Blue-green: take the port that nginx does not point at.
    port=$FLOOR_APP_PORT
    ! grep -qs "127.0.0.1:$port;" "$vhost" || port=$((port + 1))
    stop "$home/$port.pid"
    in_site setsid .venv/bin/python -m gunicorn library.wsgi --bind "127.0.0.1:$port" --workers 2 \
        --pid "$home/$port.pid" >"$home/$port.log" 2>&1 &
    for _ in $(seq 2000); do
        [ "$(curl -s -m 2 "http://127.0.0.1:$port/version")" != "$version" ] || return 0
        sleep 0.02
    done
    tail -20 "$home/$port.log" >&2
    return 1
}
point_nginx() {
    cat >"$vhost" <<CONF
upstream $name { server 127.0.0.1:$port; keepalive 8; }
server {
    listen 127.0.0.1:$FLOOR_WEB_PORT;
    server_name $name.localhost;
    location /static/ { alias $static/; expires max; }
    location / {
        proxy_pass http://$name;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host \$host;
        proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto \$scheme;
    }
}
CONF
}
nginx() { "$FLOOR_NGINX" -q -p "$FLOOR_ROOT/nginx/" -c nginx.conf -e error.log "$@"; }
reload() { nginx -t && kill -HUP "$(<"$FLOOR_ROOT/nginx/nginx.pid")"; }
first_answer() {
    for _ in $(seq 2000); do
        ! curl -sf -m 2 -H "Host: $name.localhost" "http://127.0.0.1:$FLOOR_WEB_PORT/" | grep -qF "version:$version books:3" || return 0
        sleep 0.01
    done
    return 1
}
retire() {
    local file old
    for file in "$home"/*.pid; do [ "$file" = "$home/$port.pid" ] || stop "$file"; done
    for old in $(ls -1t "$home/releases" | tail -n +4); do rm -rf "$home/releases/$old" "$home/static/$old"; done
    rm -rf "$build" "$build.fetched" "$build.tar.zst"
}

deploy() {
    mkdir -p "$home" "${build%/*}"
    timed clone clone "$1"
    version=$(sed -n 's/^VERSION = "\(.*\)"$/\1/p' "$build/library/version.py")
    if [ "$FLOOR_VARIANT" = smart ]; then
        venv=$home/venvs/$({ cat "$build/requirements.txt"; echo "$FLOOR_PYTHON"; } | sha256sum | cut -c1-16)
        if [ ! -d "$venv" ]; then
            timed venv make_venv
            timed install install --compile-bytecode
            mkdir -p "${venv%/*}"
            mv "$build/.venv" "$venv"
        fi
        timed check check "$venv"
    else
        timed venv make_venv
        timed install install
        timed check check "$build/.venv"
    fi
    timed bundle bundle
    timed upload upload
    timed database database
    timed user make_user
    timed download download
    timed extract extract
    timed migrate migrate
    timed collectstatic collectstatic
    timed start start
    timed vhost point_nginx
    timed reload reload
    timed first_answer first_answer
    # Users see the new version by now; what follows does not count as part of the deploy.
    retire
}

drop() {
    local file aside
    for file in "$home"/*.pid; do [ ! -e "$file" ] || stop "$file"; done
    # Deleting a tree of thousands of files would slow down the next one for minutes, and be measured.
    aside=$(mktemp -d "$FLOOR_ROOT/aside.XXXXXXXX")
    [ ! -e "$home" ] || mv "$home" "$aside/site"
    rm -rf "$build" "$build.fetched" "$build.tar.zst" "$vhost"
    query "drop database if exists \"$user\" with (force)"
    query "drop role if exists \"$user\""
    [ "$(id -u)" != 0 ] || ! id "$user" >/dev/null 2>&1 || userdel "$user"
}

case $1 in
deploy) deploy "$3" ;;
drop) drop ;;
*) sed -n '2,9p' "$0" >&2; exit 2 ;;
esac
