# Sourced by home-assistant: Home Assistant in a Debian root file system, which needs root and package registries, nothing else.
# shellcheck shell=bash

ROOTFS=$HA/rootfs
SUITE=${HA_SUITE:-forky} # the first Debian with Python 3.14, which Home Assistant needs
WHEELS=$CACHE/wheels-cp314
COMPILED=(pymicro-vad==1.0.1 pyspeex-noise==1.0.2) # pinned by Home Assistant, without wheels for Python 3.14
DEBS=python3.14,python3.14-venv,ca-certificates,libturbojpeg0

# inside COMMAND...: in the root file system, with mounts that end with the process; keeps the process id.
inside() {
  # shellcheck disable=SC2016
  ROOTFS=$ROOTFS SRV=$SRV exec unshare --mount --propagation private bash -c '
    for dir in proc sys dev; do mount --rbind "/$dir" "$ROOTFS/$dir"; done
    mount --bind "$SRV" "$ROOTFS/srv"
    certificates=/etc/ssl/certs/ca-certificates.crt
    exec chroot "$ROOTFS" /usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM=dumb PATH=/opt/ha/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
      SSL_CERT_FILE="$certificates" REQUESTS_CA_BUNDLE="$certificates" PIP_CERT="$certificates" PIP_DISABLE_PIP_VERSION_CHECK=1 \
      UV_HTTP_TIMEOUT=180 UV_LINK_MODE=hardlink DEBIAN_FRONTEND=noninteractive "$@"' inside "$@"
}
mirror() {
  local found=${DEBIAN_MIRROR:-$(grep -hs -m1 '^URIs' /etc/apt/sources.list.d/debian.sources | cut -d' ' -f2)}
  printf '%s' "${found:-http://deb.debian.org/debian}"
}

step_base() {
  local partial=$ROOTFS.partial
  rm -rf --one-file-system "$ROOTFS" "$partial"
  # A mirror that is a frozen snapshot has an expired Release file; its signature is still checked.
  logged "mmdebstrap $SUITE" "$HA/log/base.log" mmdebstrap --mode=root --variant=minbase --quiet --dpkgopt=force-unsafe-io \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --aptopt='Acquire::Languages "none"' \
    --aptopt='Acquire::Check-Valid-Until "false"' --include="$DEBS" "$SUITE" "$partial" "$(mirror)"
  printf '127.0.0.1 localhost\n' >"$partial/etc/hosts"
  mv "$partial" "$ROOTFS"
}

network_files() {
  cp -L /etc/resolv.conf "$ROOTFS/etc/resolv.conf"
  cp -L /etc/ssl/certs/ca-certificates.crt "$ROOTFS/etc/ssl/certs/ca-certificates.crt"
  if [ -f /etc/pip.conf ]; then cp /etc/pip.conf "$ROOTFS/etc/pip.conf"; fi
  if [ -f /etc/apt/apt.conf ]; then cp /etc/apt/apt.conf "$ROOTFS/etc/apt/apt.conf"; fi
}

# The compiler goes in only while there are no wheels yet, and out again.
step_wheels() {
  local tools=(g++ python3.14-dev)
  mkdir -p "$WHEELS" "$SRV/wheels"
  logged "apt-get install ${tools[*]}" "$HA/log/compiler.log" within sh -c "apt-get update -qq && apt-get install -qq -y --no-install-recommends ${tools[*]}"
  logged "compile ${COMPILED[*]}" "$HA/log/wheels.log" within sh -c "rm -rf /tmp/build && python3.14 -m venv /tmp/build && /tmp/build/bin/pip wheel -q --no-deps -w /srv/wheels ${COMPILED[*]}"
  cp "$SRV"/wheels/*.whl "$WHEELS/"
  within sh -c "rm -rf /tmp/build; apt-get purge -qq -y --autoremove ${tools[*]}; apt-get clean" >>"$HA/log/wheels.log" 2>&1
}

have_wheels() { [ "$(find "$WHEELS" -name '*cp314*.whl' 2>/dev/null | wc -l)" -ge ${#COMPILED[@]} ]; }

step_app() {
  local site=/opt/ha/lib/python3.14/site-packages install="uv pip install -q --python /opt/ha/bin/python"
  rm -rf --one-file-system "$ROOTFS/opt/ha"
  mkdir -p "$SRV/wheels"
  cp "$WHEELS"/*.whl "$SRV/wheels/"
  logged "pip install uv" "$HA/log/uv.log" within sh -c 'rm -rf /opt/ha && python3.14 -m venv /opt/ha && /opt/ha/bin/pip install -q uv'
  logged "pip install homeassistant==$VERSION" "$HA/log/app.log" within sh -c "$install --no-deps homeassistant==$VERSION"
  cp "$BED/home/requirements.py" "$SRV/"
  within python /srv/requirements.py "${INTEGRATIONS[@]}" >"$SRV/requirements.txt"
  echo imageio-ffmpeg >>"$SRV/requirements.txt" # Debian's ffmpeg would pull hundreds of packages
  say "pip: $(wc -l <"$SRV/requirements.txt") requirements"
  logged "pip install of the requirements" "$HA/log/requirements.log" within sh -c \
    "$install --find-links /srv/wheels -c $site/homeassistant/package_constraints.txt -r /srv/requirements.txt"
  # shellcheck disable=SC2016
  within sh -c 'ln -sf "$(python -c "import imageio_ffmpeg as i; print(i.get_ffmpeg_exe())")" /usr/local/bin/ffmpeg; rm -rf /root/.cache /srv/requirements.* /srv/wheels'
}

base_recipe() { recipe "$SUITE" "$DEBS" "$(declare -f step_base)"; }
app_recipe() { recipe "$(base_recipe)" "$VERSION" "${INTEGRATIONS[*]}" "${COMPILED[*]}" "$BED/home/requirements.py" "$(declare -f step_app)"; }

install_app() {
  [ "$(id -u)" = 0 ] || die "setting up needs root (it makes a root file system and changes into it)"
  needs curl unshare=util-linux mmdebstrap
  mkdir -p "$SRV" "$HA/run" "$HA/log"
  if ! done_as "$HA/stamps/app" "$(app_recipe)"; then refuse_while_running "Home Assistant"; fi
  step base "$(base_recipe)" "mmdebstrap: Debian $SUITE with Python 3.14" step_base
  network_files
  have_wheels || { say "compiling ${COMPILED[*]} (once)"; step_wheels; }
  step app "$(app_recipe)" "pip: Home Assistant $VERSION" step_app
}
