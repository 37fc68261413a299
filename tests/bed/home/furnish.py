#!/usr/bin/env python3
"""furnish.py URL TOKENFILE HOME.yaml LANGUAGE: floors, areas, devices, lists, names, aliases and exposure of the test home."""

import asyncio
import sys

import yaml

from client import Client

URL, TOKENFILE, HOME, LANGUAGE = sys.argv[1:5]


def called(thing):
    return thing.get("german", thing["name"]) if LANGUAGE == "de" else thing["name"]


async def rooms(home, plan):
    """Ids come from the English name, so that they are the same in every language; the name shown is set afterwards."""
    for floor, f in plan["floors"].items():
        made = await home.command("config/floor_registry/create", name=f["name"], level=f["level"])
        assert made["floor_id"] == floor, made
        await home.command("config/floor_registry/update", floor_id=floor, name=called(f), aliases=f.get("aliases", []) if LANGUAGE == "en" else [])
    known = {area["area_id"] for area in await home.command("config/area_registry/list")}
    for area, a in plan["areas"].items():
        if area not in known:
            made = await home.command("config/area_registry/create", name=a["name"])
            assert made["area_id"] == area, made
        await home.command("config/area_registry/update", area_id=area, name=called(a), floor_id=a.get("floor"),
                           aliases=a.get("aliases", []) if LANGUAGE == "en" else [],
                           temperature_entity_id=f"sensor.{area}_temperature", humidity_entity_id=f"sensor.{area}_humidity")


async def lists(home, plan):
    await flow(home, "shopping_list", {})
    for name in plan["lists"]:
        await flow(home, "local_todo", {"todo_list_name": name})
    for name in plan["calendars"]:
        await flow(home, "local_calendar", {"calendar_name": name, "import": "create_empty"})
    for entry in await home.command("config/entity_registry/list"):
        if entry["platform"] == "shopping_list" and entry["entity_id"] != "todo.shopping_list":
            await home.command("config/entity_registry/update", entity_id=entry["entity_id"], new_entity_id="todo.shopping_list")


async def flow(home, handler, *answers):
    step = await home.post("/api/config/config_entries/flow", {"handler": handler})
    for answer in answers:
        step = await home.post(f"/api/config/config_entries/flow/{step['flow_id']}", answer)
    assert step["type"] == "create_entry", step


async def devices(home, plan):
    for name, area in plan["devices"].items():
        await home.post("/api/mobile_app/registrations", {
            "device_id": name.lower().replace(" ", "-"), "app_id": "helix.tests", "app_name": "Test App", "app_version": "1", "device_name": name,
            "manufacturer": "Test", "model": "Tablet", "os_name": "Test", "os_version": "1", "supports_encryption": False, "app_data": {}})
    for device in await home.command("config/device_registry/list"):
        if area := plan["devices"].get(device["name"]):
            await home.command("config/device_registry/update", device_id=device["id"], area_id=area)


async def entities(home, plan):
    registered = {entry["entity_id"] for entry in await home.command("config/entity_registry/list")}
    for entity_id, thing in plan["entities"].items():
        assert entity_id in registered, f"{entity_id} was not created: see the log of Home Assistant"
        changes = {"area_id": thing.get("area")}
        if LANGUAGE == "en" and thing.get("aliases"):
            changes["aliases"] = [None, *thing["aliases"]]  # null stands for the name itself
        if called(thing) != thing["name"]:
            changes["name"] = called(thing)
        await home.command("config/entity_registry/update", entity_id=entity_id, **changes)
    for area in plan["areas"]:
        for kind in ("temperature", "humidity"):
            await home.command("config/entity_registry/update", entity_id=f"sensor.{area}_{kind}", area_id=area)


AT_FIRST = {  # how the home looks before anybody spoke: domain -> actions with their data
    "light": [("turn_off", {})],
    "switch": [("turn_off", {})],
    "fan": [("turn_off", {})],
    "cover": [("close_cover", {})],
    "lock": [("lock", {})],
    "alarm_control_panel": [("alarm_disarm", {})],
    "climate": [("set_temperature", {"temperature": 20})],
    "media_player": [("volume_set", {"volume_level": 0.3}), ("media_stop", {})],
}


async def first_states(home, plan):
    for entity_id in plan["entities"]:
        domain = entity_id.split(".")[0]
        for action, data in AT_FIRST.get(domain, []):
            await home.command("call_service", domain=domain, service=action, service_data=data, target={"entity_id": entity_id})
    for entity_id, thing in plan["entities"].items():
        if entity_id.startswith("climate."):
            mode = "off" if thing.get("cools") else "heat"
            await home.command("call_service", domain="climate", service="set_hvac_mode", service_data={"hvac_mode": mode}, target={"entity_id": entity_id})


async def vacuum_map(home, plan):
    rooms = {area: [area] for area in plan["areas"]}
    seen = [{"id": area, "name": a["name"], "group": None} for area, a in plan["areas"].items()]
    await home.command("config/entity_registry/update", entity_id="vacuum.rosie", options_domain="vacuum",
                       options={"area_mapping": rooms, "last_seen_segments": seen})


async def exposure(home, plan):
    """Everything is decided one by one: nothing depends on Home Assistant's defaults."""
    states = {state["entity_id"] for state in await home.command("get_states")}
    sensors = {f"sensor.{area}_{kind}" for area in plan["areas"] for kind in ("temperature", "humidity")}
    extra = {entity_id for entity_id in states if entity_id.split(".")[0] in ("scene", "script", "todo", "calendar")}
    exposed = {entity_id for entity_id, thing in plan["entities"].items() if thing.get("exposed", True)} | sensors | extra
    for wanted, ids in ((True, exposed), (False, states - exposed)):
        await home.command("homeassistant/expose_entity", assistants=["conversation"], entity_ids=sorted(ids), should_expose=wanted)


async def main():
    with open(HOME, encoding="utf-8") as source:
        plan = yaml.safe_load(source)
    with open(TOKENFILE, encoding="ascii") as source:
        token = source.read().strip()
    async with Client(URL, token) as home:
        await rooms(home, plan)
        await lists(home, plan)
        await devices(home, plan)
        await entities(home, plan)
        await exposure(home, plan)
        await vacuum_map(home, plan)
        await first_states(home, plan)


asyncio.run(main())
