#!/bin/bash
# Boots a 64-bit ARM board in qemu (Debian's kernel, busybox, nothing else) with Linux's virtual cameras, and runs a program
# in it: `cross/board.sh PROGRAM`, linked statically for aarch64. Its status is the program's. Called by `make test-board`.
set -euo pipefail
program=$1
cd "$(dirname "$0")/.."
board=$PWD/.cross/board
kernel=$(cat "$board/ready")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{dev,proc,sys,modules}
cp "$board/bin/busybox" "$root/busybox"
cp "$program" "$root/program"
# vivid and what it stands on, in that order. One webcam, and one grabber with an HDMI input (3 in two bits), each with one
# node of one plane.
modprobe -d "$board" -S "$kernel" --show-depends vivid | sed 's/^insmod //' | while read -r module _; do
  cp "$module" "$root/modules/"
  echo "/busybox insmod /modules/$(basename "$module")" >>"$root/insert"
done
sed -i 's/vivid.ko$/& n_devs=2 node_types=0x1,0x1 num_inputs=1,1 input_types=0x0,0x3 multiplanar=1,1/' "$root/insert"
cat >"$root/init" <<'END'
#!/busybox sh
/busybox mount -t devtmpfs dev /dev
/busybox mount -t proc proc /proc
/busybox mount -t sysfs sys /sys
. /insert
/program
echo "board: status $?"
/busybox poweroff -f
END
chmod +x "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$board/initrd"
log=$(mktemp)
timeout 300 qemu-system-aarch64 -M virt -cpu cortex-a72 -smp 2 -m 512 -nic none -nographic -no-reboot \
  -kernel "$board/boot/vmlinuz-$kernel" -initrd "$board/initrd" -append 'console=ttyAMA0 quiet panic=-1' </dev/null | tee "$log"
grep -q '^board: status 0' "$log"
