#!/bin/bash
# Debian for an emulated 64-bit ARM board, to .cross/system: a disk with systemd and udev, and a first RAM disk that mounts it;
# the kernel is that of `cross/setup.sh board`. Packages are configured here, without an instruction of ARM's, all but udev,
# which is by the board's first boot (a minute or two). After that the disk is only read: who boots it writes to an overlay.
# Called by `make test-board-system`.
set -euo pipefail
cd "$(dirname "$0")/.."
board=$PWD/.cross/board
system=$PWD/.cross/system
kernel=$(cat "$board/ready")
identity="$kernel $(sha256sum <cross/system.sh)"

# Configures everything that lets itself be configured from outside, to a tar file.
packages() {
  local mirror place nobody=()
  mirror=$(awk '$1 == "deb" && $0 !~ /security/ {print $3; exit}' .cross/apt/sources.list)
  place=$(mktemp -d)
  # Maintainer scripts run on this machine and are told to work elsewhere. Not all heed that, so never as root.
  if [ "$(id -u)" = 0 ]; then
    nobody=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
    chown nobody:nogroup "$place"
  fi
  # shellcheck disable=SC2016
  "${nobody[@]}" env -C "$place" HOME="$place" TMPDIR="$place" fakeroot mmdebstrap --mode=chrootless --arch=arm64 \
    --variant=essential --include=systemd-sysv,kmod,adduser --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
    --customize-hook='cd "$1/root" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -q download udev' \
    bookworm "$place/root.tar" "$mirror" >"$system/packages.log" 2>&1 || { tail -n 20 "$system/packages.log" >&2; exit 1; }
  mv "$place/root.tar" "$system/"
  rm -rf "$place"
}

# The tar file and what tests need beside it, to a disk.
disk() {
  local root=$system/root
  mkdir "$root"
  tar -C "$root" -xf "$system/root.tar"
  mkdir -p "$root/lib/modules"
  cp -a "$board/lib/modules/$kernel" "$root/lib/modules/"
  depmod -b "$root" "$kernel"
  # A shell on the second console, for whoever tests; the first has the kernel's and systemd's messages. The address is qemu's.
  echo board >"$root/etc/hostname"
  echo '/dev/vda / ext4 defaults,errors=remount-ro 0 1' >"$root/etc/fstab"
  mkdir -p "$root"/etc/{modules-load.d,systemd/{system/multi-user.target.wants,network}}
  printf '[Match]\nName=en* eth*\n[Network]\nDHCP=ipv4\n' >"$root/etc/systemd/network/any.network"
  cat >"$root/etc/systemd/system/shell.service" <<-'UNIT'
	[Unit]
	Description=a shell for whoever tests
	[Service]
	ExecStart=/bin/bash -c 'stty -echo; exec bash --noprofile --norc --noediting'
	Environment=HOME=/root TERM=dumb PS1=
	StandardInput=tty
	StandardOutput=tty
	StandardError=inherit
	TTYPath=/dev/hvc0
	Restart=always
	RestartSec=0
	# To anything milder bash does not listen.
	KillSignal=SIGKILL
	[Install]
	WantedBy=multi-user.target
	UNIT
  for unit in /etc/systemd/system/shell.service /lib/systemd/system/systemd-networkd.service; do
    ln -sf "$unit" "$root/etc/systemd/system/multi-user.target.wants/"
  done
  ln -s /dev/null "$root/etc/systemd/system/serial-getty@ttyAMA0.service"
  echo virtio_console >"$root/etc/modules-load.d/console.conf"
  cat >"$root/configure" <<-'END_OF_FIRST_BOOT'
	#!/bin/sh
	export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive
	mount -t tmpfs tmpfs /run
	dpkg --force-unsafe-io -i ~/udev_*.deb && pwconv && rm /configure ~/*.deb && echo "board: configured"
	# Nothing is left for the next boot to find out.
	systemd-machine-id-setup
	touch /etc/.updated /var/.updated
	sync
	# Unmount, as far as that goes; then off.
	for key in u o; do echo $key >/proc/sysrq-trigger; sleep 5; done
	END_OF_FIRST_BOOT
  chmod +x "$root/configure"
  truncate -s 2G "$system/disk.part"
  mkfs.ext4 -q -L board -d "$root" "$system/disk.part"
  rm -rf "$root" "$system/root.tar"
}

# What a disk and its file system need, then the disk's own init.
initrd() {
  local first=$system/first name module
  mkdir -p "$first"/{dev,proc,sys,disk,modules}
  cp "$board/bin/busybox" "$first/busybox"
  for name in virtio_pci virtio_blk ext4; do modprobe -d "$board" -S "$kernel" --show-depends "$name"; done |
    awk '$1 == "insmod" && !seen[$2]++ {print $2}' | while read -r module; do
    cp "$module" "$first/modules/"
    echo "/busybox insmod /modules/$(basename "$module")" >>"$first/insert"
  done
  cat >"$first/init" <<-'END_OF_INIT'
	#!/busybox sh
	/busybox mount -t devtmpfs dev /dev
	/busybox mount -t proc proc /proc
	/busybox mount -t sysfs sys /sys
	. /insert
	init=/sbin/init mode=rw
	for word in $(/busybox cat /proc/cmdline); do
	  case $word in init=*) init=${word#init=} ;; ro) mode=ro ;; esac
	done
	/busybox mount -t ext4 -o $mode /dev/vda /disk || /busybox poweroff -f
	for folder in dev proc sys; do /busybox mount --move /$folder /disk/$folder; done
	exec /busybox switch_root /disk $init
	END_OF_INIT
  chmod +x "$first/init"
  (cd "$first" && find . | cpio --quiet -o -H newc | gzip -1) >"$system/initrd"
  rm -rf "$first"
}

first_boot() {
  timeout 1800 qemu-system-aarch64 -M virt -cpu cortex-a76 -smp 2 -m 1024 -nic none -nographic -no-reboot \
    -drive "if=none,id=disk,format=raw,cache=unsafe,file=$system/disk.part" -device virtio-blk-pci,drive=disk \
    -kernel "$board/boot/vmlinuz-$kernel" -initrd "$system/initrd" \
    -append 'console=ttyAMA0 quiet panic=-1 init=/configure' </dev/null >"$system/first-boot.log"
  grep -q '^board: configured' "$system/first-boot.log" || { tail -n 20 "$system/first-boot.log" >&2; exit 1; }
  mv "$system/disk.part" "$system/disk"
}

# In a room where files are root's, whoever calls.
[ "${1:-}" = disk ] && { disk; exit; }
[ "$(cat "$system/ready" 2>/dev/null)" = "$identity" ] && exit
rm -rf "$system"
mkdir -p "$system"
packages
fakeroot "$0" disk
initrd
first_boot
echo "$identity" >"$system/ready"
