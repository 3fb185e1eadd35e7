#!/bin/bash
# Installs a package over this machine's files without touching them (an overlay in memory, seen by nobody else), and goes through
# its life: installed, upgraded, disabled, removed, purged. As root; no service runs, as no systemd does.
#
#   board/package/try.sh FILE.deb
set -euo pipefail

if [ "${1:-}" != --inside ]; then
  [ "$(id -u)" = 0 ] || { echo "try: needs root" >&2; exit 1; }
  exec unshare -m "$0" --inside "$(realpath "$1")"
fi

top=$(mktemp -d)
mount -t tmpfs none "$top"
mkdir "$top"/{upper,work,whole}
mount -t overlay overlay -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" "$top/whole"
cp "$2" "$top/whole/package.deb"
mount --bind /dev "$top/whole/dev"
mount -t proc proc "$top/whole/proc"
exec chroot "$top/whole" bash -euo pipefail -s <<'END'
export DEBIAN_FRONTEND=noninteractive
say() { echo "try: $*"; }
is() { [ "$2" = "$3" ] || { say "$1: '$3', not '$2'"; exit 1; }; }
install() { dpkg -i /package.deb </dev/null >/dev/null; }
config=/etc/espmedsam/config.toml
wants=/etc/systemd/system/multi-user.target.wants/espmedsam.service

install 2>/dev/null
is "cameras and lines are the service's" "espmedsam gpio video" "$(id -nG espmedsam | tr ' ' '\n' | sort | xargs)"
is "passwords are the service's alone" "640 root:espmedsam" "$(stat -c '%a %U:%G' $config)"
[ -L $wants ] && [ -L /etc/systemd/system/sockets.target.wants/espmedsam.socket ]
say "installed, enabled"
echo "# mine" >>$config
install
is "an upgrade keeps the configuration" "# mine" "$(tail -n 1 $config)"
rm $wants
install
[ ! -e $wants ] || { say "an upgrade enabled what was disabled"; exit 1; }
say "upgraded: configuration kept, disabled as before"
dpkg -r espmedsam >/dev/null
[ -e $config ] && [ ! -e /usr/bin/espmedsam ]
dpkg -P espmedsam >/dev/null
left=$(find /etc /usr /var /run -xdev -iname '*espmedsam*' -newer /package.deb)
is "a purge leaves nothing" "" "$left"
say "removed and purged: nothing is left"
END
