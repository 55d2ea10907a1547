#!/bin/sh
# Builds .venv from requirements.lock and brings softhsm2, or says in one line what is missing.
# Where npm is at hand it also brings the second node (anvil) and the contract compiler (solc).
#
# Everything is checked first, so a second run costs a few hundredths of a second. The environment
# is stale when the lock, pyproject.toml, this file, the interpreter or the folder has changed.
# PYTHON=/path/to/python chooses the interpreter; otherwise the newest that our wheels know.
set -eu

cd "$(dirname "$0")/.."
root=$PWD
venv=$root/.venv
stamp=$venv/treasury.stamp
programs=$root/build/npm
# Newest first. A newer Python joins the list when every package of the lock has a wheel for it.
known="3.13 3.12 3.11"

say() { printf '%s\n' "$*" >&2; }
die() { say "bootstrap: $*"; exit 1; }

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

is_known() {
    case " $known " in *" $1 "*) [ -n "$1" ] ;; *) return 1 ;; esac
}

choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        version=$(version_of "$PYTHON")
        is_known "$version" && { command -v "$PYTHON"; return; }
        die "PYTHON=$PYTHON is Python ${version:-(does not run)}: choose one of $known"
    fi
    for version in $known; do
        for name in "python$version" python3; do
            path=$(command -v "$name") || continue
            [ "$(version_of "$path")" = "$version" ] && { echo "$path"; return; }
        done
    done
    found=$(version_of python3)
    die "no usable Python (python3 is ${found:-missing}): install one of $known," \
        "for example with: sudo apt-get install python3 python3-venv, or type make PYTHON=/path/to/python"
}

install_package() {
    package=$1
    command -v apt-get >/dev/null || die "$package is missing: install it with your system's packages"
    if [ "$(id -u)" = 0 ]; then
        as_root=""
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        die "$package is missing. Type: sudo apt-get install $package"
    fi
    say "bootstrap: installing $package from the distribution"
    log=$(mktemp)
    apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qy -o DPkg::Lock::Timeout=120"
    if $apt install --no-install-recommends "$package" >"$log" 2>&1 ||
        { $apt update >>"$log" 2>&1 && $apt install --no-install-recommends "$package" >>"$log" 2>&1; }
    then
        rm -f "$log"
    else
        tail -n 20 "$log" >&2
        rm -f "$log"
        die "could not install $package. Type: sudo apt-get update && sudo apt-get install $package"
    fi
}

has_softhsm() {
    command -v softhsm2-util >/dev/null || [ -x /usr/bin/softhsm2-util ] || return 1
    for module in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so; do
        [ -e "$module" ] && return 0
    done
    return 1
}

# Programs of npm are for development only: without them their tests skip, nothing else changes.
# One failed attempt is remembered, so that a machine without a network does not wait every time.
has_npm_programs() {
    command -v npm >/dev/null || return 0
    cmp -s tools/npm/package-lock.json "$programs/tried.json"
}

install_npm_programs() {
    say "bootstrap: installing anvil and solc from npm"
    rm -rf "$programs"
    mkdir -p "$programs"
    cp tools/npm/package.json tools/npm/package-lock.json "$programs"
    # The lock checks every hash; nothing of what is installed runs now.
    npm ci --prefix "$programs" --ignore-scripts --no-audit --no-fund --fetch-retries=1 \
        --fetch-timeout=30000 >"$programs/install.log" 2>&1 ||
        say "bootstrap: npm could not install them (see $programs/install.log):" \
            "tests of the second node will skip; to try again, remove $programs"
    cp tools/npm/package-lock.json "$programs/tried.json"
}

interpreter() { "$1" -I -S -c 'import sys; print(sys.version, sys.base_prefix)' 2>/dev/null; }

fingerprint() {
    printf '%s\n' "$root"
    interpreter "$venv/bin/python"
    sha256sum requirements.lock pyproject.toml tools/bootstrap.sh
}

is_fresh() {
    [ -x "$venv/bin/python" ] && [ -f "$stamp" ] && [ "$(fingerprint)" = "$(cat "$stamp")" ] &&
        { [ -z "${PYTHON:-}" ] || [ "$(interpreter "$PYTHON")" = "$(interpreter "$venv/bin/python")" ]; }
}

create_venv() {
    python=$(choose_python)
    version=$(version_of "$python")
    if ! "$python" -I -c 'import ensurepip, venv' 2>/dev/null; then
        install_package "python$version-venv"
        "$python" -I -c 'import ensurepip, venv' || die "$python has no venv module: choose another with PYTHON="
    fi
    say "bootstrap: building .venv with Python $version ($python)"
    rm -rf "$venv"
    "$python" -I -m venv "$venv"
}

install_packages() {
    # Wheels only and every hash checked: no foreign code runs while installing.
    # setuptools, where venv brings it, would add work to every start of every program.
    "$venv/bin/python" -I -m pip --disable-pip-version-check --no-input install -qq \
        --require-hashes --only-binary :all: --compile -r requirements.lock
    "$venv/bin/python" -I -m pip --disable-pip-version-check uninstall -qq --yes setuptools
}

# A plain line in a .pth file is the quickest way to be importable from where we are written.
install_ourselves() {
    site=$("$venv/bin/python" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf '%s\n' "$root" >"$site/treasury.pth"
    install_script treasuryd treasury.daemon
    install_script treasuryctl treasury.cli.main
    "$venv/bin/python" -I -m compileall -q policies hsm config treasury || true
}

install_script() {
    script=$venv/bin/$1
    case $venv in
        *[[:space:]]*) printf "#!/bin/sh\n'''exec' \"%s/bin/python\" -I \"\$0\" \"\$@\"\n' '''\n" "$venv" ;;
        *) printf '#!%s/bin/python -I\n' "$venv" ;;
    esac >"$script"
    printf 'import sys\n\nfrom %s import main\n\nsys.exit(main())\n' "$2" >>"$script"
    chmod 755 "$script"
}

build() {
    unset PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH
    started=$(date +%s)
    create_venv
    install_packages
    install_ourselves
    fingerprint >"$stamp"
    say "bootstrap: ready after $(($(date +%s) - started)) s"
}

has_softhsm || install_package softhsm2
is_fresh && has_npm_programs && exit 0
mkdir -p build
if command -v flock >/dev/null && [ -z "${TREASURY_BOOTSTRAP_LOCKED:-}" ]; then
    TREASURY_BOOTSTRAP_LOCKED=1 exec flock build/bootstrap.lock "$root/tools/bootstrap.sh"
fi
is_fresh || build
has_npm_programs || install_npm_programs
