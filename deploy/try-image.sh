#!/bin/sh
# Builds Containerfile where there is neither a daemon nor a registry, and runs the image:
#     deploy/try-image.sh target/release/syncline
# Every instruction is carried out, by buildah in a chroot. In the place of the images it begins with
# stand minimal Debian systems of the same names, made of Debian's packages (mmdebstrap; kept as the
# file that BASE names) and, for the console, the node that NODE names, or this machine's. Only the compiler is not there: what
# answers to `cargo` puts the binary given here in its place, which has to be built already.
# Needs root, Debian's packages buildah and mmdebstrap, and the npm registry. Takes some minutes.
set -eu

die() { echo "try-image.sh: $*" >&2; exit 1; }

[ $# -eq 1 ] || die "usage: try-image.sh BINARY"
binary=$(realpath "$1")
root=$(realpath "$(dirname "$0")/..")
work=$(mktemp -d "${TMPDIR:-/tmp}/try-image.XXXXXX")
server=
cleanup() {
    # shellcheck disable=SC2046 # numbers
    [ -z "$server" ] || kill $(below "$server") 2>/dev/null || :
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

image() { buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }

echo "== the images it begins with"
suite=$(sed -n 's/^FROM .*:\([a-z]*\)-slim$/\1/p' "$root/deploy/Containerfile")
base=${BASE:-$work/base.tar}
[ -f "$base" ] || mmdebstrap --quiet --variant=minbase --include=ca-certificates "$suite" "$base"
stand_in() { # NAME [FILES…]: the minimal system, with these folders laid over it
    made=$(image from scratch)
    image add -q "$made" "$base" / >/dev/null
    name=$1
    shift
    for files in "$@"; do image copy -q "$made" "$files" / >/dev/null; done
    image commit -q "$made" "$name" >/dev/null
    image rm "$made" >/dev/null
}
node=${NODE:-$(command -v node)}
npm=$(realpath "$(command -v npm)")
mkdir -p "$work/node/usr/local/bin" "$work/node/usr/lib/node_modules" "$work/node/etc/ssl/certs"
cp "$node" "$work/node/usr/local/bin/node"
cp -a "${npm%/bin/*}" "$work/node/usr/lib/node_modules/npm"
ln -s ../../lib/node_modules/npm/bin/npm-cli.js "$work/node/usr/local/bin/npm"
cp /etc/ssl/certs/ca-certificates.crt "$work/node/etc/ssl/certs/"
mkdir "$work/node/usr/local/etc"
echo cafile=/etc/ssl/certs/ca-certificates.crt > "$work/node/usr/local/etc/npmrc"
mkdir -p "$work/rust/usr/local/bin"
cp "$binary" "$work/rust/usr/local/bin/syncline.built"
cat > "$work/rust/usr/local/bin/cargo" <<'CARGO'
#!/bin/sh
# What the build needs is there, and it is asked for what is copied afterwards.
set -eu
[ "$*" = "build --release --locked --bin syncline" ] || { echo "cargo $*?" >&2; exit 1; }
for needed in Cargo.toml Cargo.lock crates/cli/Cargo.toml console/dist/index.html; do
    [ -f "$needed" ] || { echo "$needed is not there" >&2; exit 1; }
done
mkdir -p target/release
cp /usr/local/bin/syncline.built target/release/syncline
CARGO
chmod +x "$work/rust/usr/local/bin/cargo"
for name in $(sed -n 's/^FROM \([^ ]*\).*/\1/p' "$root/deploy/Containerfile"); do
    case $name in
        */node:*) stand_in "$name" "$work/node" ;;
        */rust:*) stand_in "$name" "$work/rust" ;;
        *) stand_in "$name" ;;
    esac
done

echo "== the image"
image build --isolation chroot --pull-never -f "$root/deploy/Containerfile" -t syncline "$root"
image inspect --type image --format \
    'user {{.OCIv1.Config.User}}, volumes {{.OCIv1.Config.Volumes}}, ports {{.OCIv1.Config.ExposedPorts}}' syncline
echo

echo "== a container"
port=${PORT:-17171}
container=$(image from --pull-never syncline)
mkdir "$work/volume"
each='{{range .OCIv1.Config.Entrypoint}}{{.}} {{end}}{{range .OCIv1.Config.Cmd}}{{.}} {{end}}'
words=$(image inspect --type image --format "$each" syncline | sed "s/7171/$port/")
user=$(image run --isolation chroot "$container" -- sh -c 'echo $(id -u):$(id -g) $(id -un)')
echo "runs as $user"
chown "${user%% *}" "$work/volume"
start() {
    # shellcheck disable=SC2086 # words of a command
    image run --isolation chroot -v "$work/volume:/var/lib/syncline" "$container" -- $words \
        > "$work/log" 2>&1 &
    server=$!
    for _ in $(seq 300); do
        curl -sf "http://127.0.0.1:$port/readyz" >/dev/null && return
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    cat "$work/log" >&2
    die "the server does not answer"
}
below() { # PID: it and all that it has started
    echo "$1"
    for child in $(ps -o pid= --ppid "$1"); do below "$child"; done
}
stop() {
    for pid in $(below "$server"); do
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != syncline ] || kill -TERM "$pid"
    done
    wait "$server" || die "the server does not end well: $(cat "$work/log")"
    server=
}
start
grep -o 'http://[^ ]*/setup#' "$work/log" || die "no link for the first admin: $(cat "$work/log")"
curl -sf "http://127.0.0.1:$port/" | grep -q '<div id="root">' || die "no console"
curl -sf "http://127.0.0.1:$port/api/v1/openapi.json" | grep -q '"openapi"' || die "no API"
[ -f "$work/volume/server/syncline.db" ] || die "its state is not in the volume"
stat -c 'state of %U(%u), mode %a' "$work/volume/server/syncline.db"
stop
# Another container with the same volume goes on with the same state.
image rm "$container" >/dev/null
container=$(image from --pull-never syncline)
start
[ -f "$work/volume/server/secrets.key" ] || die "the key is not in the volume"
stop
echo "== all is well"
