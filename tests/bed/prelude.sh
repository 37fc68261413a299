# Sourced by every command of the test bed: messages, retries, locks and background processes.
# shellcheck shell=bash

CACHE=${HELIX_CACHE:-$HOME/.cache/helix}
BED_START=$SECONDS
mkdir -p "$CACHE"

say() { printf '[%s +%3ds] %s\n' "$(date +%T)" "$((SECONDS - BED_START))" "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# usage FILE: prints the comment block at the top of a command as its help text.
usage() { sed -n '2,/^\([^#]\|$\)/{s/^# \{0,1\}//p}' "$1"; }

# logged WHAT LOGFILE COMMAND...: three tries with pauses of 5 and 15 s, because mirrors and package indexes fail now and then.
logged() {
  local what=$1 log=$2 try pause=(0 5 15)
  shift 2
  mkdir -p "$(dirname "$log")"
  for try in 0 1 2; do
    sleep "${pause[$try]}"
    if "$@" >"$log" 2>&1; then return 0; fi
    say "$what: attempt $((try + 1)) of 3 failed: $(grep -v '^$' "$log" | tail -1)"
  done
  tail -20 "$log" >&2
  die "$what failed three times. The network or the mirror may be away: try again later. Full log: $log"
}

# needs COMMAND[=PACKAGE]...: installs the Debian packages whose command is missing.
needs() {
  local entry missing=()
  for entry; do command -v "${entry%%=*}" >/dev/null || missing+=("${entry#*=}"); done
  [ ${#missing[@]} -eq 0 ] && return 0
  command -v apt-get >/dev/null || die "missing: ${missing[*]}. Install these packages (there is no apt-get here)."
  [ "$(id -u)" = 0 ] || die "missing: ${missing[*]}. Install it: sudo apt-get install ${missing[*]}"
  say "apt: ${missing[*]}"
  logged "apt-get install ${missing[*]}" "$CACHE/log/apt.log" apt_install "${missing[@]}"
}

apt_install() {
  local flags=(-qq -y --no-install-recommends -o DPkg::Lock::Timeout=120)
  DEBIAN_FRONTEND=noninteractive apt-get install "${flags[@]}" "$@" ||
    { apt-get update -qq -o Acquire::Check-Valid-Until=false && DEBIAN_FRONTEND=noninteractive apt-get install "${flags[@]}" "$@"; }
}

# hold LOCKFILE: waits for the lock and keeps it until this process ends.
hold() {
  local fd
  mkdir -p "$(dirname "$1")"
  exec {fd}>"$1"
  flock "$fd"
}

# recipe TEXT-OR-FILE...: a short hash of what a step is made of.
recipe() {
  local part
  for part; do if [ -f "$part" ]; then cat "$part"; else printf '%s\n' "$part"; fi; done | sha256sum | cut -c1-16
}

# done_as STAMP HASH and mark STAMP HASH: has this step been finished from this very recipe?
done_as() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }
mark() { mkdir -p "$(dirname "$1")" && printf '%s\n' "$2" >"$1"; }

# spawn PIDFILE LOGFILE COMMAND...: starts a process of its own session that inherits nothing of ours but the environment.
spawn() {
  local pidfile=$1 log=$2 fd
  shift 2
  mkdir -p "$(dirname "$pidfile")" "$(dirname "$log")"
  (
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      if [ "$fd" -gt 2 ]; then eval "exec $fd>&-"; fi
    done # without a redirection: bash would keep the standard error behind one of the descriptors that are closed here
    exec setsid "$@"
  ) </dev/null >"$log" 2>&1 &
  note_pid "$pidfile" $!
}

# note_pid PIDFILE PID: which process it is, for `alive` and `halt`.
note_pid() { printf '%s %s\n' "$2" "$(started_at "$2")" >"$1"; }

# started_at PID: the start time in clock ticks; empty if the process is gone or only a zombie.
started_at() {
  local stat fields
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  read -ra fields <<<"${stat##*) }"
  case ${fields[0]} in Z | X) return 0 ;; esac
  printf '%s' "${fields[19]}"
}

# alive PIDFILE: is it the very process that was started (not a later one with the same number)?
alive() {
  local pid ticks
  read -r pid ticks 2>/dev/null <"$1" || return 1
  [ -n "$ticks" ] && [ "$(started_at "$pid")" = "$ticks" ]
}

pid_of() { cut -d' ' -f1 "$1"; }

# halt PIDFILE SECONDS: SIGTERM, then SIGKILL after SECONDS, to the whole session; returns when the process is gone.
halt() {
  local pid i
  if alive "$1"; then
    pid=$(pid_of "$1")
    [ "$2" -gt 0 ] && kill -TERM "$pid"
    for ((i = 0; i < $2 * 20; i++)); do
      alive "$1" || break
      sleep 0.05
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
    while alive "$1"; do sleep 0.05; done
  fi
  rm -f "$1"
}

# listening PORT: does anybody accept connections there on loopback?
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port: a port nobody listens on; a number that another run holds a lock for is left out.
free_port() {
  local port i
  for ((i = 0; i < 200; i++)); do
    port=$((20000 + RANDOM % 10000))
    listening "$port" || { echo "$port" && return 0; }
  done
  die "found no free port between 20000 and 29999"
}

# go_install BINARY PACKAGE@VERSION: builds a program from Go's module proxy, once. What it downloads and compiles is kept beside the cache's
# other parts, so that the next version is faster.
go_install() {
  local binary=$1 package=$2 stamp
  stamp=$binary.stamp
  if [ -x "$binary" ] && done_as "$stamp" "$package"; then return 0; fi
  PATH=$PATH:/usr/local/go/bin command -v go >/dev/null || die "go is missing. Install Go 1.25 or newer: https://go.dev/doc/install"
  say "go install $package"
  mkdir -p "$(dirname "$binary")"
  logged "go install $package" "$CACHE/log/go-$(basename "$binary").log" env PATH="$PATH:/usr/local/go/bin" GOBIN="$(dirname "$binary")" \
    GOMODCACHE="$CACHE/go/mod" GOCACHE="$CACHE/go/build" GOFLAGS=-modcacherw CGO_ENABLED=0 go install -trimpath -ldflags '-s -w' "$package"
  mark "$stamp" "$package"
}

# claim_target ROOT: Cargo names a crate by its place in the workspace, so that two clones share their artifacts in one target folder and
# the newer build wins over newer sources. Whoever comes second makes its sources newer.
claim_target() {
  local owner=$CARGO_TARGET_DIR/built-from
  if [ "$(cat "$owner" 2>/dev/null)" = "$1" ]; then return; fi
  find "$1/bridge" "$1/agents" "$1/tests" "$1/xtask" -name '*.rs' -exec touch {} +
  mkdir -p "$CARGO_TARGET_DIR"
  printf '%s\n' "$1" >"$owner"
}
