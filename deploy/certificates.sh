#!/bin/sh
# An own certificate authority and a certificate for each node: tidewire-certificates FOLDER NAME…
# Nodes show them to one another and to devices; a device pins the authority. What is there already is kept.
set -eu
umask 077
folder=$1
shift
cd "$folder"
if [ ! -e ca.key ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
    -subj "/CN=Tidewire deployment" -keyout ca.key -out ca.pem 2>/dev/null
fi
for name in "$@"; do
  [ -e "$name.pem" ] && continue
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name" \
    -keyout "$name.key" -out "$name.csr" 2>/dev/null
  names="DNS:$name,DNS:localhost,IP:127.0.0.1${TIDEWIRE_PUBLIC_NAME:+,DNS:$TIDEWIRE_PUBLIC_NAME}"
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$names" > "$name.ext"
  openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 825 -extfile "$name.ext" -out "$name.leaf" 2>/dev/null
  cat "$name.leaf" ca.pem > "$name.pem"
  rm "$name.csr" "$name.ext" "$name.leaf"
done
echo "pin: $(openssl x509 -in ca.pem -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1)"
