#!/bin/sh
# Makes the image's root file system, starts the bus in it as its own user with
# nothing else there, waits until it is ready, and stops it. Needs root for chroot,
# and curl. Where mounts are allowed the root is read-only but for /data and /tmp.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "check-rootfs: needs root for chroot" >&2; exit 2; }
work=$(mktemp -d)
pid=
cleanup() {
  [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
  umount "$work/root/data" "$work/root/tmp" "$work/root" 2>/dev/null || true
  chmod -R u+w "$work"
  rm -rf "$work"
}
trap cleanup EXIT
CGO_ENABLED=0 go build -trimpath -o "$work/eventbus" ./cmd/eventbus
deploy/rootfs.sh "$work/eventbus" "$work/root"
cat > "$work/root/etc/eventbus/eventbus.yaml" <<END
dataDir: /data/bus
masterKey: {env: EVENTBUS_MASTER_KEY}
administrator: {token: {env: EVENTBUS_ADMINISTRATOR_TOKEN}}
listeners: {http: "127.0.0.1:0", registry: "127.0.0.1:0", admin: "127.0.0.1:0"}
environments:
  - {name: development, prefix: dev_}
END
chmod 0755 "$work"
if mount --bind "$work/root" "$work/root" 2>/dev/null; then
  mount --bind "$work/root/data" "$work/root/data"
  mount --bind "$work/root/tmp" "$work/root/tmp"
  mount -o remount,bind,ro "$work/root"
  echo "check-rootfs: the root is mounted read-only"
fi
key=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')
env -i PATH="$PATH" EVENTBUS_MASTER_KEY="$key" EVENTBUS_ADMINISTRATOR_TOKEN="$key" \
  chroot --userspec=65532:65532 "$work/root" /usr/bin/eventbus serve --config /etc/eventbus/eventbus.yaml --ready-file /data/ready.json > "$work/log" 2>&1 &
pid=$!
tries=0
until [ -e "$work/root/data/ready.json" ]; do
  tries=$((tries + 1))
  if [ "$tries" -gt 300 ] || ! kill -0 "$pid" 2>/dev/null; then
    echo "check-rootfs: the bus did not become ready" >&2
    cat "$work/log" >&2
    exit 1
  fi
  sleep 0.1
done
http=$(sed -n 's/.*"http": "\(.*\)".*/\1/p' "$work/root/data/ready.json")
curl -fsS "$http/healthz/ready"
kill -TERM "$pid"
code=0
wait "$pid" || code=$?
pid=
[ "$code" = 0 ] || { echo "check-rootfs: the bus stopped with $code" >&2; cat "$work/log" >&2; exit 1; }
echo "check-rootfs: started, was ready, stopped"
