#!/usr/bin/env python3
"""The part of Home Assistant's Supervisor that one app sees: discovery, services, information, and the proxy to Core.

Behaves like the real one where an app could trip over it: tokens are checked, only services that the app declares may be discovered, an app has one
message per service, and Core is told of new and removed messages. It is no Supervisor: what Core asks for beyond this is answered with 404.
"""

import argparse
import asyncio
import uuid

import aiohttp
from aiohttp import web

VERSION = "2026.11.0"
PROXY_TIMEOUT = aiohttp.ClientTimeout(total=300)
WEBSOCKET_LIMIT = 64 * 1024 * 1024

FALSE = """auth_api docker_api full_access host_network host_pid ingress signed hassio_api detached advanced build icon logo update_available
host_ipc host_uts host_dbus changelog stdin gpio usb uart kernel_modules devicetree udev video audio auto_update watchdog system_managed""".split()
NULL = """long_description homeassistant url network network_description webui ingress_entry ingress_url ingress_port ingress_panel audio_input
audio_output system_managed_config_entry""".split()
EMPTY = "dns schema machine privileged devices".split()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bind", default="127.0.0.1", metavar="ADDRESS", help="listen there, for an app in a container")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--core", default="http://127.0.0.1:18123", help="URL of Home Assistant Core")
    parser.add_argument("--core-access", required=True, metavar="FILE", help="file with a token that Core accepts; the proxy uses it")
    parser.add_argument("--core-token", default="core-token", help="SUPERVISOR_TOKEN of Core")
    parser.add_argument("--app-token", default="app-token", help="SUPERVISOR_TOKEN of the app")
    parser.add_argument("--slug", default="local_helix")
    parser.add_argument("--hostname", help="under which Core reaches the app (default: made of the slug)")
    parser.add_argument("--name", default="Helix")
    parser.add_argument("--discovery", default="wyoming", help="services that the app's config.yaml lists under discovery, with commas")
    parser.add_argument("--mqtt", metavar="HOST:PORT:USER:PASSWORD", help="the MQTT service; none without it")
    return parser.parse_args()


def ok(content=None):
    return web.json_response({"result": "ok", "data": content or {}})


def error(message, status=400):
    return web.json_response({"result": "error", "message": message}, status=status)


class Supervisor:
    def __init__(self, options):
        self.options, self.messages, self.pushes = options, {}, set()
        self.discoverable = options.discovery.split(",")

    async def session(self, _app):
        self.http = aiohttp.ClientSession(timeout=PROXY_TIMEOUT)
        yield
        await asyncio.gather(*self.pushes, return_exceptions=True)
        await self.http.close()

    def caller(self, request):
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.headers.get("X-Supervisor-Token", "")
        return {self.options.app_token: "app", self.options.core_token: "core"}.get(token)

    def access(self):
        with open(self.options.core_access, encoding="ascii") as source:
            return source.read().strip()

    @web.middleware
    async def authenticate(self, request, handler):
        """The WebSocket proxy asks for the token in its first message instead."""
        if request.path != "/core/websocket" and self.caller(request) is None:
            return error("unauthorized", 401)
        return await handler(request)

    # Discovery

    async def discover(self, request):
        body = await request.json()
        if self.caller(request) != "app":
            return error("only an app can be discovered", 403)
        if set(body) != {"service", "config"} or not isinstance(body["config"], dict):
            return error("invalid schema")
        if body["service"] not in self.discoverable:
            return error("Apps must list services they provide via discovery in their config!", 403)
        known = next((m for m in self.messages.values() if m["service"] == body["service"]), None)
        number = known["uuid"] if known else uuid.uuid4().hex
        self.messages[number] = {"addon": self.options.slug, "uuid": number, **body}
        if known is None or known["config"] != body["config"]:
            self.push("POST", self.messages[number])
        return ok({"uuid": number})

    async def forget(self, request):
        message = self.messages.pop(request.match_info["uuid"].replace("-", ""), None)
        if message is None:
            return error("Discovery message not found", 404)
        self.push("DELETE", message)
        return ok()

    async def message(self, request):
        message = self.messages.get(request.match_info["uuid"].replace("-", ""))
        return ok(message) if message else error("Discovery message not found", 404)

    async def all_messages(self, _request):
        return ok({"discovery": list(self.messages.values()), "services": {service: [self.options.slug] for service in self.discoverable}})

    def push(self, method, message):
        task = asyncio.ensure_future(self.tell_core(method, message))
        self.pushes.add(task)
        task.add_done_callback(self.pushes.discard)

    async def tell_core(self, method, message):
        body = {key: message[key] for key in ("addon", "service", "uuid")}
        headers = {"Authorization": f"Bearer {self.access()}"}
        url = f"{self.options.core}/api/hassio_push/discovery/{message['uuid']}"
        try:
            async with self.http.request(method, url, json=body, headers=headers) as answer:
                print("told Core:", method, message["service"], answer.status, flush=True)
        except aiohttp.ClientError as failure:
            print("could not tell Core:", method, message["service"], failure, flush=True)

    # Information

    async def app(self, _request):
        slug = self.options.slug
        return ok({**dict.fromkeys(FALSE, False), **dict.fromkeys(NULL), **{key: [] for key in EMPTY}, "name": self.options.name, "slug": slug,
                   "hostname": self.options.hostname or slug.replace("_", "-"), "description": self.options.name, "repository": slug.split("_")[0], "version": "0.1.0",
                   "version_latest": "0.1.0", "state": "started", "stage": "stable", "startup": "application", "boot": "auto", "boot_config": "auto",
                   "apparmor": "default", "rating": 6, "hassio_role": "default", "homeassistant_api": True, "protected": True, "available": True,
                   "documentation": True, "arch": ["amd64"], "ip_address": "127.0.0.1", "options": {}, "translations": {},
                   "services": ["mqtt:want"], "discovery": self.discoverable})

    async def service(self, request):
        if request.match_info["name"] != "mqtt" or not self.options.mqtt:
            return error("Service not enabled")
        host, port, user, password = self.options.mqtt.split(":", 3)
        return ok({"host": host, "port": int(port), "ssl": False, "protocol": "3.1.1", "username": user, "password": password, "addon": "core_mosquitto"})

    async def information(self, _request):
        return ok({"supervisor": VERSION, "homeassistant": VERSION, "hassos": None, "docker": "28", "hostname": "homeassistant", "operating_system": None,
                   "features": [], "machine": "generic-x86-64", "arch": "amd64", "supported_arch": ["amd64"], "supported": True, "channel": "stable",
                   "logging": "info", "state": "running", "timezone": "Europe/Amsterdam"})

    async def unknown(self, request):
        print("not served:", request.method, request.path, flush=True)
        return error("not found", 404)

    # Core

    async def rest(self, request):
        url, headers = f"{self.options.core}/api/{request.match_info['path']}", {"Authorization": f"Bearer {self.access()}"}
        if request.can_read_body:
            headers["Content-Type"] = request.headers.get("Content-Type", "application/octet-stream")
        try:
            async with self.http.request(request.method, url, data=await request.read(), params=request.query, headers=headers) as answer:
                return web.Response(body=await answer.read(), status=answer.status, content_type=answer.content_type)
        except (aiohttp.ClientError, TimeoutError):
            return web.Response(status=502)

    async def websocket(self, request):
        """Asks for the Supervisor token, logs in at Core with its own, then passes every frame through."""
        app = web.WebSocketResponse(heartbeat=30, max_msg_size=WEBSOCKET_LIMIT)
        await app.prepare(request)
        await app.send_json({"type": "auth_required", "ha_version": VERSION})
        login = await app.receive_json(timeout=10)
        if (login.get("access_token") or login.get("api_password")) != self.options.app_token:
            await app.send_json({"type": "auth_invalid", "message": "Invalid access"})
            await app.close()
            return app
        try:
            core = await self.http.ws_connect(f"{self.options.core}/api/websocket", max_msg_size=WEBSOCKET_LIMIT)
        except aiohttp.ClientError:
            await app.close(code=1011)
            return app
        await core.receive_json()
        await core.send_json({"type": "auth", "access_token": self.access()})
        await core.receive_json()
        await app.send_json({"type": "auth_ok", "ha_version": VERSION})
        await asyncio.gather(self.pump(core, app), self.pump(app, core))
        return app

    async def pump(self, source, target):
        async for frame in source:
            if target.closed:
                break
            if frame.type == aiohttp.WSMsgType.TEXT:
                await target.send_str(frame.data)
            elif frame.type == aiohttp.WSMsgType.BINARY:
                await target.send_bytes(frame.data)
        await target.close()


def routes(supervisor):
    return [web.post("/discovery", supervisor.discover), web.get("/discovery", supervisor.all_messages),
            web.get("/discovery/{uuid}", supervisor.message), web.delete("/discovery/{uuid}", supervisor.forget),
            web.get("/addons/{slug}/info", supervisor.app), web.get("/services/{name}", supervisor.service), web.get("/info", supervisor.information),
            web.get("/core/websocket", supervisor.websocket), web.route("*", "/core/api/{path:.*}", supervisor.rest),
            web.route("*", "/{path:.*}", supervisor.unknown)]


def main():
    supervisor = Supervisor(arguments())
    app = web.Application(client_max_size=WEBSOCKET_LIMIT, middlewares=[supervisor.authenticate])
    app.cleanup_ctx.append(supervisor.session)
    app.add_routes(routes(supervisor))
    web.run_app(app, host=supervisor.options.bind, port=supervisor.options.port, print=None, shutdown_timeout=1)


main()
