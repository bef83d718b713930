#!/bin/sh
# Makes the random words that the local overlay hands to the parts. What is there already stays.
set -eu
folder=$(dirname "$0")/secrets
umask 077
mkdir -p "$folder"
for name in api-token agents-token s3-secret; do
  [ -s "$folder/$name" ] || head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$folder/$name"
done
