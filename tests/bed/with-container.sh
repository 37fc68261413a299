# Sourced by home-assistant: Home Assistant in a container of its official image (or of HELIX_HA_IMAGE), on the network of this machine.
# shellcheck shell=bash

IMAGE=${HELIX_HA_IMAGE:-ghcr.io/home-assistant/home-assistant:${VERSION%.*}}
PULL_ANSWER_S=30

# The folders belong to this user, so Home Assistant runs as this user. A rootless daemon does that by itself.
as_this_user() {
  case $(docker info --format '{{.SecurityOptions}}' 2>/dev/null) in
    *rootless*) ;;
    *) printf '%s' "--user=$(id -u):$(id -g)" ;;
  esac
}

# A client that was killed leaves its container behind: one name for each folder, and the last one goes first.
inside() {
  local name user
  name=helix-$(recipe "$SRV" "${*##*/srv/}")
  user=$(as_this_user)
  docker rm -f "$name" >/dev/null 2>&1 || true
  # shellcheck disable=SC2086
  exec docker run --rm --init --name "$name" --network host $user -v "$SRV:/srv" -e HOME=/tmp --entrypoint "" "$IMAGE" env "$@"
}

# A pull may take many minutes, but the registry's first answer may not.
pull() {
  local log=$HA/log/pull.log client i
  docker pull "$IMAGE" >"$log" 2>&1 &
  client=$!
  for ((i = 0; i < PULL_ANSWER_S * 10; i++)); do
    if [ -s "$log" ] || ! kill -0 "$client" 2>/dev/null; then break; fi
    sleep 0.1
  done
  if [ ! -s "$log" ]; then kill "$client" 2>/dev/null || true; fi
  wait "$client"
}

app_recipe() { recipe "$IMAGE"; }

step_app() {
  docker image inspect "$IMAGE" >/dev/null 2>&1 || pull ||
    die "Docker cannot pull $IMAGE: $(grep -v '^$' "$HA/log/pull.log" | tail -1 || true)"
}

install_app() {
  command -v docker >/dev/null || die "there is no docker here"
  docker info >/dev/null 2>&1 || die "no Docker daemon answers (is it running, and are you in the group docker?)"
  needs curl
  mkdir -p "$SRV" "$HA/run" "$HA/log"
  step_app
}
