# Sourced by home-assistant: Home Assistant in a virtual environment of Python 3.14, which this machine or `uv` provides.
# shellcheck shell=bash

VENV=$HA/venv

# Names below /srv are those of the root file system; here nothing is mounted there.
inside() { exec env PATH="$VENV/bin:$PATH" UV_HTTP_TIMEOUT=180 "${@/#\/srv\//$SRV/}"; }

app_recipe() { recipe "$VERSION" "${INTEGRATIONS[*]}" "$BED/home/requirements.py" "$(declare -f step_app)"; }

is_python_3_14() { command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 14))' 2>/dev/null; }

make_venv() {
  local python
  rm -rf "$VENV"
  for python in python3.14 python3; do
    if is_python_3_14 "$python" && "$python" -m venv "$VENV" && "$VENV/bin/pip" install -q uv; then return 0; fi
  done
  if ! command -v uv >/dev/null; then
    echo "there is no Python 3.14 with venv here (and no uv to install one)" >&2
    return 1
  fi
  uv venv -q --python 3.14 "$VENV" && ln -sf "$(command -v uv)" "$VENV/bin/uv"
}

step_app() {
  local uv="$VENV/bin/uv" constraints
  make_venv >"$HA/log/venv.log" 2>&1 || die "$(grep -v '^$' "$HA/log/venv.log" | tail -1)"
  logged "pip install homeassistant==$VERSION" "$HA/log/app.log" "$uv" pip install -q --python "$VENV/bin/python" --no-deps "homeassistant==$VERSION"
  within python "$BED/home/requirements.py" "${INTEGRATIONS[@]}" >"$HA/requirements.txt"
  echo imageio-ffmpeg >>"$HA/requirements.txt"
  constraints=$("$VENV/bin/python" -c 'from importlib.util import find_spec as f; print(f("homeassistant").submodule_search_locations[0])')/package_constraints.txt
  logged "pip install of the requirements" "$HA/log/requirements.log" "$uv" pip install -q --python "$VENV/bin/python" -c "$constraints" -r "$HA/requirements.txt"
  ln -sf "$("$VENV/bin/python" -c 'import imageio_ffmpeg as i; print(i.get_ffmpeg_exe())')" "$VENV/bin/ffmpeg"
}

install_app() {
  needs curl
  mkdir -p "$SRV" "$HA/run" "$HA/log"
  if ! done_as "$HA/stamps/app" "$(app_recipe)"; then refuse_while_running "Home Assistant"; fi
  step app "$(app_recipe)" "pip: Home Assistant $VERSION" step_app
}
