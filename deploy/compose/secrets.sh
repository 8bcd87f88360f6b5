#!/bin/sh
# Makes what compose.yaml mounts as secrets, once: keys, a password and a
# certificate for localhost. What is there already stays.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
umask 077
for name in master.key administrator.token postgres; do
  [ -e "secrets/$name" ] || openssl rand -hex 32 > "secrets/$name"
done
[ -e secrets/pgpass ] || printf 'postgres:5432:*:eventbus:%s\n' "$(cat secrets/postgres)" > secrets/pgpass
[ -e secrets/tls.key ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -keyout secrets/tls.key -out secrets/tls.crt \
  -subj /CN=localhost -addext subjectAltName=DNS:localhost,DNS:bus,IP:127.0.0.1
# The image runs as user 65532, which must read them; compose mounts files as they are.
if [ "$(id -u)" = 0 ]; then
  chown 65532:65532 secrets/*
else
  chmod 0444 secrets/*
fi
