#!/usr/bin/env python3
"""furnish.py URL TOKENFILE HOME.yaml LANGUAGE: floors, areas, devices, lists, names, aliases and exposure of the test home.

Names of another language than English come from names/LANGUAGE.yaml beside HOME.yaml.
"""

import asyncio
import pathlib
import sys

import yaml

from client import Client

URL, TOKENFILE, HOME, LANGUAGE = sys.argv[1:5]


def renamed(plan, names):
    """Puts name and aliases of the language beside the English ones, as `called` and `aliases`."""
    for kind in ("floors", "areas", "entities"):
        for key in plan[kind].keys() | names[kind].keys():
            name = names[kind][key]
            name = name if isinstance(name, dict) else {"name": name}
            thing = plan[kind].setdefault(key, {})
            thing["called"], thing["aliases"] = name["name"], name.get("aliases", [])


def called(thing):
    return thing.get("called", thing.get("name"))


async def pipeline(home):
    """The one that Home Assistant made at its very first start, in English."""
    made = (await home.command("assist_pipeline/pipeline/list"))["pipelines"][0]
    made["language"] = made["conversation_language"] = LANGUAGE
    await home.command("assist_pipeline/pipeline/update", pipeline_id=made.pop("id"), **made)


async def rooms(home, plan):
    """Ids come from the English name, so that they are the same in every language; the name shown is set afterwards."""
    for floor, f in plan["floors"].items():
        made = await home.command("config/floor_registry/create", name=f["name"], level=f["level"])
        assert made["floor_id"] == floor, made
        await home.command("config/floor_registry/update", floor_id=floor, name=called(f), aliases=f.get("aliases", []))
    known = {area["area_id"] for area in await home.command("config/area_registry/list")}
    for area, a in plan["areas"].items():
        if area not in known:
            made = await home.command("config/area_registry/create", name=a["name"])
            assert made["area_id"] == area, made
        await home.command("config/area_registry/update", area_id=area, name=called(a), floor_id=a.get("floor"),
                           aliases=a.get("aliases", []),
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
        if device["name"] in plan["devices"]:
            shown = plan["names"].get("devices", {}).get(device["name"])
            await home.command("config/device_registry/update", device_id=device["id"], area_id=plan["devices"][device["name"]], name_by_user=shown)


async def entities(home, plan):
    registered = {entry["entity_id"] for entry in await home.command("config/entity_registry/list")}
    for entity_id, thing in plan["entities"].items():
        assert entity_id in registered, f"{entity_id} was not created: see the log of Home Assistant"
        changes = {"area_id": thing.get("area")}
        if thing.get("aliases"):
            changes["aliases"] = [None, *thing["aliases"]]  # null stands for the name itself
        if called(thing) != thing.get("name"):
            changes["name"] = called(thing)
        await home.command("config/entity_registry/update", entity_id=entity_id, **changes)
    patterns = plan["names"].get("sensors", {})
    for area, a in plan["areas"].items():
        for kind in ("temperature", "humidity"):
            shown = {"name": patterns[kind].format(area=called(a))} if kind in patterns else {}
            await home.command("config/entity_registry/update", entity_id=f"sensor.{area}_{kind}", area_id=area, **shown)


AT_FIRST = {  # how the home looks before anybody spoke: domain -> actions with their data
    "light": [("turn_off", {})],
    "switch": [("turn_off", {})],
    "fan": [("turn_off", {})],
    "cover": [("close_cover", {})],
    "lock": [("lock", {})],
    "alarm_control_panel": [("alarm_disarm", {})],
    "climate": [("set_temperature", {"temperature": 20})],
    "valve": [("open_valve", {})],
    "humidifier": [("turn_off", {})],
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
    plan["names"] = {}
    if LANGUAGE != "en":
        plan["names"] = yaml.safe_load(pathlib.Path(HOME).with_name("names").joinpath(f"{LANGUAGE}.yaml").read_text(encoding="utf-8"))
        renamed(plan, plan["names"])
    with open(TOKENFILE, encoding="ascii") as source:
        token = source.read().strip()
    async with Client(URL, token) as home:
        await pipeline(home)
        await rooms(home, plan)
        await lists(home, plan)
        await devices(home, plan)
        await entities(home, plan)
        await exposure(home, plan)
        await vacuum_map(home, plan)
        await first_states(home, plan)


asyncio.run(main())
