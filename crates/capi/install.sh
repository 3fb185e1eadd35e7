#!/bin/bash
# Puts the C library under a prefix: install.sh BUILT PREFIX. BUILT: the folder that cargo left it in. DESTDIR as usual.
set -eu
here=$(dirname "$(realpath "$0")")
built=$1 prefix=$2
root=${DESTDIR:-}$prefix
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/../../Cargo.toml")
name=libespmedsam.so
soname=$name.${version%%.*}

install -D -m 644 "$here/include/espmedsam.h" "$root/include/espmedsam.h"
install -D -m 755 -s --strip-program="${STRIP:-strip}" "$built/libespmedsam_capi.so" "$root/lib/$name.$version"
ln -sf "$name.$version" "$root/lib/$soname"
ln -sf "$soname" "$root/lib/$name"
if [ -e "$built/libespmedsam_capi.a" ]; then
  install -m 644 "$built/libespmedsam_capi.a" "$root/lib/libespmedsam.a"
  "${STRIP:-strip}" --strip-debug "$root/lib/libespmedsam.a"
fi
mkdir -p "$root/lib/pkgconfig"
sed -e "s|@PREFIX@|$prefix|" -e "s|@VERSION@|$version|" "$here/espmedsam.pc.in" >"$root/lib/pkgconfig/espmedsam.pc"
