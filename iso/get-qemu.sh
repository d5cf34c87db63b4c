#!/bin/bash
# get-qemu.sh PREFIX: unpacks a QEMU that has vfio-user-pci (10.1 or newer), SeaBIOS, OVMF and their libraries into PREFIX.
#
# Installs nothing. The packages are those of Debian 13 and its backports, from the mirror that this machine is set up with;
# apt resolves them and verifies the signatures, against a package database of their own that knows nothing installed.
# The result runs through its own loader: iso/qemu.sh does that.
set -euo pipefail

suite=trixie
prefix=$(realpath -m "${1:?usage: get-qemu.sh PREFIX}")
key=/usr/share/keyrings/debian-archive-keyring.gpg
keep=$(dirname "$prefix")

die() { echo "get-qemu: $*" >&2; exit 1; }

command -v apt-get >/dev/null || die "this machine has no apt; install QEMU 10.1 or newer yourself"
[ -e "$key" ] || die "$key is missing (Debian package debian-archive-keyring); install QEMU 10.1 or newer yourself"

# The base of the suite that this machine runs is a Debian mirror, which carries the other suites too.
codename=$(. /etc/os-release && [ "$ID" = debian ] && echo "${VERSION_CODENAME:-}") || codename=
[ -n "$codename" ] || die "this machine is no Debian release, so its mirror lacks $suite-backports; install QEMU 10.1 or newer yourself"
mirror=$(apt-get update --print-uris 2>/dev/null | sed -n "s#^'\(.*\)/dists/$codename/.*#\1#p" | head -n 1)
[ -n "$mirror" ] || die "no mirror of Debian $codename in this machine's apt sources; install QEMU 10.1 or newer yourself"

mkdir -p "$keep"
exec 9>"$keep/qemu.lock"
flock 9                                   # two set-ups at once: the second finds the work done
[ ! -e "$prefix/usr/bin/qemu-system-x86_64" ] || exit 0

state=$(mktemp -d "$keep/qemu.XXXXXX")
trap 'rm -rf "$state"' EXIT
mkdir -p "$state"/{lists/partial,cache/archives/partial,empty,root}
touch "$state/status"
printf 'deb [signed-by=%s] %s %s main\n' "$key" "$mirror" "$suite" "$key" "$mirror" "$suite-backports" >"$state/sources.list"

# Proxies and credentials of the machine's apt configuration stay in force.
private_apt() {
  apt-get -q -y -o Dir::State="$state" -o Dir::State::status="$state/status" -o Dir::State::lists="$state/lists" \
    -o Dir::Cache="$state/cache" -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts="$state/empty" \
    -o Dir::Etc::preferences="$state/none" -o Dir::Etc::preferencesparts="$state/empty" -o APT::Default-Release= \
    -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Install-Recommends=0 -o APT::Sandbox::User=root \
    -o Acquire::Languages=none -o Debug::NoLocking=1 "$@" >"$state/log" 2>&1 </dev/null ||
    { grep -E '^(E|Err|W):?' "$state/log" | tail -n 5 >&2; die "apt could not fetch QEMU from $suite-backports; is the mirror reachable?"; }
}

private_apt update
private_apt --download-only -t "$suite-backports" install qemu-system-x86 ovmf seabios ipxe-qemu
for deb in "$state"/cache/archives/*.deb; do
  dpkg -x "$deb" "$state/root"
done

# Tried before it counts as there: the rename below makes what iso/qemu.sh looks for.
rm -rf "$state/root/usr/share/doc"            # 30 MB that nobody reads here
lib=$state/root/usr/lib/x86_64-linux-gnu
"$lib/ld-linux-x86-64.so.2" --library-path "$lib" "$state/root/usr/bin/qemu-system-x86_64" --version >/dev/null ||
  die "the unpacked QEMU does not run on this machine"
rm -rf "$prefix"
mv -T "$state/root" "$prefix"
