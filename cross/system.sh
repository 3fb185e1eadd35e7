#!/bin/bash
# Debian for an emulated 64-bit ARM board, to .cross/system: a disk with systemd and nothing more, a first RAM disk that mounts it,
# and the kernel of `cross/setup.sh board`. Its first boot, which configures the packages, is made here (some ten minutes);
# after that it is only read: who boots it writes to an overlay. Called by `make test-board`.
set -euo pipefail
cd "$(dirname "$0")/.."
board=$PWD/.cross/board
system=$PWD/.cross/system
kernel=$(cat "$board/ready")
[ "$(cat "$system/ready" 2>/dev/null)" = "$kernel $(sha256sum <cross/system.sh)" ] && exit
[ "$(id -u)" = 0 ] || { echo "cross: a disk for the board is made as root" >&2; exit 1; }
rm -rf "$system"
mkdir -p "$system"/{root,first}
root=$system/root
first=$system/first

mirror=$(awk '$1 == "deb" && $0 !~ /security/ {print $3; exit}' .cross/apt/sources.list)
mkdir -p .cross/debs
debootstrap --cache-dir="$PWD/.cross/debs" --foreign --arch=arm64 --variant=minbase --include=systemd,systemd-sysv,udev,kmod,init-system-helpers \
  bookworm "$root" "$mirror" >"$system/debootstrap.log"
# Where nothing may be mounted, as in a container, it has left links to this machine's.
for folder in dev proc sys; do
  [ -L "$root/$folder" ] && rm "$root/$folder"
  mkdir -p "$root/$folder"
done
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
	ExecStart=/bin/bash --noprofile --norc
	Environment=HOME=/root TERM=dumb
	StandardInput=tty
	StandardOutput=tty
	StandardError=inherit
	TTYPath=/dev/hvc0
	Restart=always
	RestartSec=0
	[Install]
	WantedBy=multi-user.target
UNIT
for unit in /etc/systemd/system/shell.service /lib/systemd/system/systemd-networkd.service; do
  ln -s "$unit" "$root/etc/systemd/system/multi-user.target.wants/"
done
echo virtio_console >"$root/etc/modules-load.d/console.conf"

# The first RAM disk: what a disk and its file system need, then the disk's own init.
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

cat >"$root/configure" <<-'END_OF_FIRST_BOOT'
	#!/bin/sh
	export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive
	/debootstrap/debootstrap --second-stage && : >/etc/machine-id && rm /configure && echo "board: configured"
	sync
	mount -o remount,ro /
	echo o >/proc/sysrq-trigger
	sleep 60
END_OF_FIRST_BOOT
chmod +x "$root/configure"
truncate -s 3G "$system/disk.part"
mkfs.ext4 -q -L board -d "$root" "$system/disk.part"
rm -rf "$root"
timeout 3600 qemu-system-aarch64 -M virt -cpu max -smp 2 -m 1024 -nic none -nographic -no-reboot \
  -drive "if=none,id=disk,format=raw,file=$system/disk.part" -device virtio-blk-pci,drive=disk \
  -kernel "$board/boot/vmlinuz-$kernel" -initrd "$system/initrd" \
  -append 'console=ttyAMA0 quiet panic=-1 init=/configure' </dev/null >"$system/first-boot.log"
grep -q '^board: configured' "$system/first-boot.log" || { tail -n 20 "$system/first-boot.log" >&2; exit 1; }
mv "$system/disk.part" "$system/disk"
echo "$kernel $(sha256sum <cross/system.sh)" >"$system/ready"
