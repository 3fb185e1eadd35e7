#!/bin/bash
# Makes this machine able to build for aarch64 and to run what was built, on Debian 12 or later. Part by part:
#
#   cross/setup.sh rust    a compiler for aarch64-unknown-linux-gnu, and its linker
#   cross/setup.sh qemu    qemu 10, which runs single programs as a Cortex-A72 or A76
#   cross/setup.sh python  Python for aarch64, with numpy and onnxruntime
#   cross/setup.sh count   qemu with a plugin that counts instructions, and that Python
#   cross/setup.sh mca     llvm-mca, which knows the pipelines of both
#   cross/setup.sh board   qemu for a whole board, and a kernel for it that has virtual cameras
#   cross/setup.sh system  what Debian for that board is made with
#
# What Debian has as ordinary packages is installed (as root; else it says what to install). All else lies under .cross,
# in the repository and ignored by git; delete that folder to begin anew. Done parts are not done again.
# CROSS_RUST=debian takes Debian's compiler even where rustup reaches its own.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD/.cross
target=aarch64-unknown-linux-gnu
mkdir -p "$top"

say() { echo "cross: $*" >&2; }
die() { say "$@"; exit 1; }

# install PROGRAM-OR-FILE PACKAGE...: the packages, unless the first is there.
install() {
  local what=$1
  shift
  { command -v "$what" >/dev/null || [ -e "$what" ]; } && return
  command -v apt-get >/dev/null || die "'$what' is missing, and there is no apt-get to install '$*' with"
  [ "$(id -u)" = 0 ] || die "'$what' is missing: sudo apt-get install $*"
  say "installing $*"
  local lock=(-o DPkg::Lock::Timeout=300 -qq)
  apt-get "${lock[@]}" update
  DEBIAN_FRONTEND=noninteractive apt-get "${lock[@]}" install -y --no-install-recommends "$@" >/dev/null
}

# A private apt: the system's Debian mirrors, its backports and sources too, for amd64 and arm64, all under .cross.
# Nothing of the system's own apt changes.
private_apt() {
  local apt=$top/apt mirrors first
  export APT_CONFIG=$apt/apt.conf
  [ -e "$apt/ready" ] && return
  rm -rf "$apt"
  mkdir -p "$apt"/{lists/partial,cache/archives/partial,parts}
  list_mirrors() { env -u APT_CONFIG apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' \
    'Origin: Debian' 'Component: main' | sort -u; }
  mirrors=$(list_mirrors)
  if [ -z "$mirrors" ]; then
    [ "$(id -u)" = 0 ] || die "no package lists: sudo apt-get update"
    env -u APT_CONFIG apt-get -qq update
    mirrors=$(list_mirrors)
  fi
  first=$(grep -E ' [a-z]+$' <<<"$mirrors" | head -n 1)
  [ -n "$first" ] || die "apt knows no Debian mirror (see /etc/apt); this script needs Debian"
  local signed='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
  {
    while read -r uri name; do
      echo "deb $signed $uri $name main"
    done <<<"$mirrors"
    echo "deb $signed ${first% *} ${first#* }-backports main"
    echo "deb-src $signed ${first% *} ${first#* }-backports main"
    echo "deb-src $signed ${first% *} ${first#* } main"
  } >"$apt/sources.list"
  cat >"$APT_CONFIG" <<-END
	Dir::State "$apt";
	Dir::State::lists "$apt/lists";
	Dir::State::status "/dev/null";
	Dir::Cache "$apt/cache";
	Dir::Etc::sourcelist "$apt/sources.list";
	Dir::Etc::sourceparts "$apt/parts";
	APT::Architectures { "amd64"; "arm64"; };
	APT::Sandbox::User "";
	END
  say "reading package lists (amd64 and arm64)"
  apt-get -qq update
  touch "$apt/ready"
}

# unpack FOLDER PACKAGE...: downloads packages and unpacks them there, beside the system.
unpack() {
  local folder=$1 debs
  shift
  private_apt
  debs=$(mktemp -d)
  (cd "$debs" && say "fetching $*" && apt-get -qq download "$@")
  mkdir -p "$folder"
  for deb in "$debs"/*.deb; do dpkg-deb -x "$deb" "$folder"; done
  rm -rf "$debs"
}

rust() {
  install aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross
  local rustc="" libraries
  if [ "${CROSS_RUST:-}" != debian ]; then
    libraries=$(rustc --print target-libdir --target $target 2>/dev/null || true)
    if [ -n "$libraries" ] && ! compgen -G "$libraries/libstd-*.rlib" >/dev/null; then
      say "asking rustup for $target"
      timeout 180 rustup target add $target >&2 || say "rustup has no $target to give: taking Debian's compiler"
    fi
    compgen -G "$libraries/libstd-*.rlib" >/dev/null && rustc=rustc
  fi
  if [ -z "$rustc" ]; then
    rustc=$top/rust/rustc
    if [ ! -x "$rustc" ]; then
      private_apt
      local version llvm
      version=$(apt-cache depends rustc-web libstd-rust-web-dev:amd64 | grep -o 'libstd-rust-web-[0-9][0-9.]*' | head -n 1)
      [ -n "$version" ] || die "Debian's mirror has no rustc-web package; install the target with rustup instead"
      llvm=$(apt-cache depends "$version:amd64" | grep -o 'libllvm[0-9]*' | head -n 1)
      unpack "$top/rust" rustc-web:amd64 libstd-rust-web-dev:amd64 libstd-rust-web-dev:arm64 "$version:amd64" "$llvm:amd64"
      printf '#!/bin/sh\nexport LD_LIBRARY_PATH=%s\nexec %s "$@"\n' \
        "$top/rust/usr/lib/x86_64-linux-gnu" "$top/rust/usr/bin/rustc" >"$rustc"
      chmod +x "$rustc"
    fi
  fi
  local have want
  have=$("$rustc" --version | cut -d' ' -f2)
  want=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  [ "$(printf '%s\n' "$want" "$have" | sort -V | head -n 1)" = "$want" ] || die "rustc $have is older than $want"
  cat >"$top/rust.env" <<-END
	export RUSTC=$rustc
	export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
	export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
	END
  say "rustc $have for $target"
}

qemu() {
  install /usr/aarch64-linux-gnu/lib/libc.so.6 libc6-dev-arm64-cross
  if [ ! -e "$top/qemu-aarch64" ]; then
    local have=0
    for have_bin in qemu-aarch64 qemu-aarch64-static; do
      command -v $have_bin >/dev/null || continue
      have=$($have_bin --version | sed -n 's/.*version \([0-9]*\).*/\1/p')
      [ "$have" -ge 10 ] && { ln -sf "$(command -v $have_bin)" "$top/qemu-aarch64"; break; }
    done
    if [ "$have" -lt 10 ]; then
      private_apt
      # 7.2 shows programs the host's /proc/cpuinfo, so they take it for another core.
      local version
      version=$(apt-cache madison qemu-user | awk '{print $3}' | sort -V | tail -n 1)
      dpkg --compare-versions "$version" ge 1:10 || die "qemu 10 is not on Debian's mirror (newest: $version)"
      unpack "$top/qemu" "qemu-user:amd64=$version"
      ln -sf qemu/usr/bin/qemu-aarch64 "$top/qemu-aarch64"
    fi
  fi
  say "$("$top/qemu-aarch64" --version | head -n 1)"
}

mca() {
  # The models of the cores are the same since 19 and coarser before.
  command -v llvm-mca-22 >/dev/null || install llvm-mca-19 llvm-19
  ln -sf "$(command -v llvm-mca-22 || command -v llvm-mca-19)" "$top/llvm-mca"
  say "$("$top/llvm-mca" --version | grep -o 'LLVM version.*' | head -n 1)"
}

count() {
  install ninja ninja-build
  install cc build-essential
  install /usr/include/glib-2.0/glib.h libglib2.0-dev
  install pkg-config pkg-config
  install xz xz-utils
  if [ ! -x "$top/count/qemu-aarch64" ]; then
    # Debian's is linked statically, which rules plugins out.
    private_apt
    python3 -m venv "$top/meson"
    "$top/meson/bin/pip" install -q 'meson>=1.5,<2' pycotap
    local source=$top/qemu-source
    rm -rf "$source" "$top/count"
    mkdir -p "$source" "$top/count"
    local version
    version=$(apt-cache showsrc qemu | awk '/^Version:/ {print $2}' | sort -V | tail -n 1)
    (cd "$source" && say "fetching the source of qemu $version" && apt-get -qq source --download-only --tar-only "qemu=$version" &&
      tar -xf qemu_*.orig.tar.* --strip-components=1)
    say "building qemu (some minutes)"
    (cd "$top/count" && "$source/configure" --python="$top/meson/bin/python3" --target-list=aarch64-linux-user \
      --without-default-features --disable-install-blobs --disable-docs --enable-plugins >configure.log &&
      nice ninja qemu-aarch64 >build.log) || die "qemu does not build: see $top/count"
  fi
  if [ cross/count.c -nt "$top/libcount.so" ]; then
    # shellcheck disable=SC2046
    cc -O2 -Wall -Wextra -Werror -shared -fPIC -I "$top/qemu-source/include/qemu" $(pkg-config --cflags glib-2.0) \
      cross/count.c -o "$top/libcount.so"
  fi
  python
}

python() {
  if [ ! -e "$top/python/ready" ]; then
    unpack "$top/python" libc6:arm64 libgcc-s1:arm64 libstdc++6:arm64 zlib1g:arm64 libbz2-1.0:arm64 libexpat1:arm64 \
      libffi8:arm64 liblzma5:arm64 libssl3:arm64 libpython3.11-minimal:arm64 libpython3.11-stdlib:arm64 \
      python3.11-minimal:arm64
    [ -x "$top/meson/bin/pip" ] || python3 -m venv "$top/meson"
    local wheels
    wheels=$(mktemp -d)
    # shellcheck disable=SC2046
    "$top/meson/bin/pip" download -q -d "$wheels" --no-deps --only-binary :all: --python-version 3.11 \
      --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux2014_aarch64 \
      $(grep -E '^(numpy|onnxruntime)' models/requirements-light.txt)
    for wheel in "$wheels"/*.whl; do python3 -m zipfile -e "$wheel" "$top/python/packages"; done
    rm -rf "$wheels"
    touch "$top/python/ready"
  fi
}

board() {
  install qemu-system-aarch64 qemu-system-arm
  install depmod kmod
  install cpio cpio
  install gzip gzip
  if [ ! -e "$top/board/ready" ]; then
    private_apt
    local kernel
    kernel=$(apt-cache depends linux-image-arm64:arm64 | grep -o 'linux-image-[0-9][^: ]*' | head -n 1)
    [ -n "$kernel" ] || die "Debian's mirror has no kernel for arm64"
    rm -rf "$top/board"
    unpack "$top/board" "$kernel:arm64" busybox-static:arm64
    depmod -b "$top/board" "${kernel#linux-image-}"
    echo "${kernel#linux-image-}" >"$top/board/ready"
  fi
  say "Linux $(cat "$top/board/ready"), $(qemu-system-aarch64 --version | head -n 1)"
}

system() {
  install mmdebstrap mmdebstrap
  install fakeroot fakeroot
  install mkfs.ext4 e2fsprogs
  private_apt
}

[ $# -gt 0 ] || die "which part? rust, qemu, python, count, mca, board, system"
for part in "$@"; do
  case $part in
    rust | qemu | python | count | mca | board | system) "$part" ;;
    *) die "no part is called '$part': rust, qemu, python, count, mca, board, system" ;;
  esac
done
