#!/bin/bash
# Boots a 64-bit ARM board in qemu (Debian's kernel, busybox, nothing else) with Linux's virtual cameras and the machine's
# GPIO chip, and runs programs in it, one after the other: `cross/board.sh PROGRAM...`, linked statically for aarch64. Its
# status is 0 if theirs is. Whenever one says "board: press", the power button is pressed. Called by `make test-board`.
set -euo pipefail
cd "$(dirname "$0")/.."
board=$PWD/.cross/board
kernel=$(cat "$board/ready")
root=$(mktemp -d)
outside=$(mktemp -d)
trap 'rm -rf "$root" "$outside"' EXIT
mkdir -p "$root"/{dev,proc,sys,modules,programs}
cp "$board/bin/busybox" "$root/busybox"
cp "$@" "$root/programs/"
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
/busybox mount -t debugfs debug /sys/kernel/debug
. /insert
status=0
for program in /programs/*; do
  $program || status=$?
done
echo "board: status $status"
/busybox poweroff -f
END
chmod +x "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$board/initrd"
mkfifo "$outside"/monitor.{in,out}
exec 3<>"$outside/monitor.in"
log=$outside/log
timeout 300 qemu-system-aarch64 -M virt -cpu cortex-a72 -smp 2 -m 512 -nic none -nographic -no-reboot \
  -chardev "pipe,id=monitor,path=$outside/monitor" -mon chardev=monitor -serial stdio \
  -kernel "$board/boot/vmlinuz-$kernel" -initrd "$board/initrd" -append 'console=ttyAMA0 quiet panic=-1' </dev/null |
  while read -r line; do
    echo "$line" | tee -a "$log"
    case $line in *"board: press"*) echo system_powerdown >&3 ;; esac
  done
grep -q '^board: status 0' "$log"
