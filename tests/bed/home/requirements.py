#!/usr/bin/env python3
"""requirements.py INTEGRATION...: prints what Home Assistant and these integrations (with those they depend on) need from PyPI."""

import importlib.metadata
import importlib.util
import json
import pathlib
import sys

components = pathlib.Path(importlib.util.find_spec("homeassistant").submodule_search_locations[0]) / "components"
needed, seen, left = set(importlib.metadata.requires("homeassistant")), set(), sys.argv[1:]
while left:
    integration = left.pop()
    manifest = components / integration / "manifest.json"
    if integration in seen or not manifest.exists():
        continue
    seen.add(integration)
    known = json.loads(manifest.read_text(encoding="utf-8"))
    needed.update(known.get("requirements", []))
    left += known.get("dependencies", [])
print("\n".join(sorted(needed)))
