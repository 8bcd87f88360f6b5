#!/bin/sh
# Makes the root file system of the image: rootfs.sh BINARY FOLDER. The binary must
# be static; everything but /data and /tmp belongs to root and is not writable.
set -eu
binary=$1 root=$2
user=65532
authorities=/etc/ssl/certs/ca-certificates.crt
mkdir -p "$root/usr/bin" "$root/etc/ssl/certs" "$root/etc/eventbus" "$root/data" "$root/tmp"
install -m 0555 "$binary" "$root/usr/bin/eventbus"
[ ! -e "$authorities" ] || install -m 0444 "$authorities" "$root$authorities"
printf 'root:x:0:0:root:/:/none\neventbus:x:%s:%s:eventbus:/data:/none\n' "$user" "$user" > "$root/etc/passwd"
printf 'root:x:0:\neventbus:x:%s:\n' "$user" > "$root/etc/group"
chmod 0555 "$root/usr/bin" "$root/usr" "$root/etc/ssl/certs" "$root/etc/ssl" "$root/etc"
chmod 0700 "$root/data"
chmod 1777 "$root/tmp"
[ "$(id -u)" != 0 ] || chown "$user:$user" "$root/data"
