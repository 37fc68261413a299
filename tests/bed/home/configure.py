#!/usr/bin/env python3
"""configure.py HOME.yaml LANGUAGE: prints the configuration.yaml of the test home; without anything in it if HOME.yaml is `-`.

Template entities without a device behind them: they believe what they are told and remember it over restarts. `furnish.py` tells them
how the home looks at first. What has no template comes from custom_components/.
"""

import sys

import yaml

# No `http:` here: Home Assistant 2026.11 would move it to .storage as pending, revert it and restart after five minutes.
# The port comes from the environment (SETUP_PORT). No integration that brings a text-to-speech engine.
BASE = """
homeassistant:
  name: Test Home
  latitude: 52.37
  longitude: 4.89
  elevation: 0
  unit_system: metric
  currency: EUR
  country: NL
  time_zone: Europe/Amsterdam
  language: {language}
  packages: !include_dir_named packages

logger:
  default: warning
  logs:
    homeassistant.components.wyoming: debug
    homeassistant.components.conversation: info
    homeassistant.components.assist_pipeline: info

api:
config:
websocket_api:
frontend:
conversation:
assist_pipeline:
wyoming:
history:
logbook:
recorder:
  commit_interval: 5
media_source:
mobile_app:
persistent_notification:
sun:
webhook:
"""

SCRIPT = """
script:
  movie_time:
    alias: Movie Time
    fields:
      level:
        default: 20
    variables:
      r:
        ok: true
    sequence:
      - action: light.turn_on
        target:
          entity_id: light.living_room_light
        data:
          brightness_pct: "{{ level }}"
      - stop: done
        response_variable: r
"""

SCENES = {  # what a scene sets: enough to see that it ran
    "Movie Night": {"light.living_room_light": {"state": "on", "brightness": 51}, "cover.living_room_curtains": "closed"},
    "Good Night": {"light.bedroom_light": "off", "light.living_room_light": "off"},
    "Party": {"light.living_room_light": {"state": "on", "brightness": 255}},
    "Dinner": {"light.kitchen_light": {"state": "on", "brightness": 128}},
    "Reading": {"light.floor_lamp": {"state": "on", "brightness": 200}},
    "Away": {"light.kitchen_light": "off", "light.hallway_light": "off"},
    "Morning": {"light.kitchen_light": "on", "cover.bedroom_blinds": "open"},
    "Relax": {"light.floor_lamp": {"state": "on", "brightness": 80}},
}


def actions(names):
    return {name: [] for name in names.split()}


def light(thing):
    known = actions("turn_on turn_off") | ({"state": "{{ false }}"} if thing.get("deaf") else {})
    return known if thing.get("plain") else known | actions("set_level set_hs set_temperature")


def switch(thing):
    return actions("turn_on turn_off")


def fan(thing):
    return {"speed_count": 3, "preset_modes": ["low", "medium", "high"]} | actions(
        "turn_on turn_off set_percentage set_preset_mode")


def cover(thing):
    return {"device_class": thing["class"]} | actions(
        "open_cover close_cover stop_cover set_cover_position")


def lock(thing):
    return actions("lock unlock")


def alarm_control_panel(thing):
    return {"code_arm_required": False} | actions("arm_away arm_home arm_night disarm trigger")


def climate(thing):
    mode = "cool" if thing.get("cools") else "heat"
    temperature = f"{{{{ states('sensor.{thing['area']}_temperature') }}}}"
    return {"hvac_modes": f"{{{{ ['{mode}', 'off'] }}}}", "min_temperature": 5, "max_temperature": 30,
            "target_temperature_step": 0.5, "current_temperature": temperature} | actions("set_hvac_mode set_temperature")


def media_player(thing):
    return {"device_class": thing.get("class", "speaker")} | actions(
        "turn_on turn_off media_play media_pause media_stop media_next_track media_previous_track play_media volume_set volume_mute volume_up volume_down")


def vacuum(thing):
    segments = "{{ [" + ", ".join(f"{{'id': '{area}', 'name': '{name}'}}" for area, name in thing["rooms"]) + "] }}"
    return {"state": "docked", "optimistic": True, "segments": segments} | actions("start pause stop return_to_base locate clean_segments")


def binary_sensor(thing):
    return {"state": f"{{{{ {thing['state']} }}}}".lower(), "device_class": thing["class"]}


def weather(thing):
    days = "{{ [{'datetime': (now() + timedelta(days=1)).isoformat(), 'condition': 'rainy', 'temperature': 11.0, 'templow': 6.0, 'precipitation': 4.2}] }}"
    return {"condition": "cloudy", "temperature": 9.5, "humidity": 80, "wind_speed": 12, "forecast_daily": days}


KINDS = {kind.__name__: kind for kind in
         (light, switch, fan, cover, lock, alarm_control_panel, climate, media_player, vacuum, binary_sensor, weather)}


def valve(thing):
    return {"device_class": thing["class"]}


def humidifier(thing):
    return {}


OURS = {"valve": valve, "humidifier": humidifier}


def ours(things):
    """What custom_components/test_home makes, by domain."""
    made = {}
    for entity_id, thing in things.items():
        if own := OURS.get(entity_id.split(".")[0]):
            entity = {"entity_id": entity_id, "name": thing["name"]} | own(thing)
            made.setdefault(entity_id.split(".")[0], []).append({"platform": "test_home", "entity": entity})
    return made


def sensors(areas):
    for area, room in areas.items():
        for kind, unit in (("temperature", "°C"), ("humidity", "%")):
            yield {"name": f"{room['name']} {kind.title()}", "unique_id": f"{area}_{kind}", "default_entity_id": f"sensor.{area}_{kind}",
                   "state": str(room[kind]), "unit_of_measurement": unit, "device_class": kind, "state_class": "measurement"}


def configuration(home, language):
    things, template = home["entities"], {"sensor": list(sensors(home["areas"]))}
    for entity_id, thing in things.items():
        domain, name = entity_id.split(".")
        if domain not in KINDS:
            continue
        thing["rooms"] = [(area, room["name"]) for area, room in home["areas"].items()]
        entry = {"name": thing["name"], "unique_id": name, "default_entity_id": entity_id} | KINDS[domain](thing)
        template.setdefault(domain, []).append(entry)
    more = {"template": [{domain: entries} for domain, entries in template.items()],
            "input_boolean": {"guest_mode": {"name": things["input_boolean.guest_mode"]["name"]}},
            "scene": [{"id": name.lower().replace(" ", "_"), "name": name, "entities": SCENES[name]} for name in home["scenes"]]} | ours(things)
    return BASE.format(language=language) + SCRIPT + yaml.safe_dump(more, allow_unicode=True, sort_keys=False)


if __name__ == "__main__":
    if sys.argv[1] == "-":
        print(BASE.format(language=sys.argv[2]))
        sys.exit()
    with open(sys.argv[1], encoding="utf-8") as source:
        print(configuration(yaml.safe_load(source), sys.argv[2]))
