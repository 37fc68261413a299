"""A small client of Home Assistant's WebSocket and REST interface, for setting up the test home."""

import aiohttp


class Client:
    def __init__(self, url, token):
        self.url, self.token, self.id = url, token, 0

    async def __aenter__(self):
        self.http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.token}"})
        self.ws = await self.http.ws_connect(f"{self.url}/api/websocket", max_msg_size=0)
        await self.ws.receive_json()
        await self.ws.send_json({"type": "auth", "access_token": self.token})
        answer = await self.ws.receive_json()
        if answer["type"] != "auth_ok":
            raise RuntimeError(f"Home Assistant refused the token: {answer}")
        return self

    async def __aexit__(self, *error):
        await self.ws.close()
        await self.http.close()

    async def command(self, kind, **fields):
        """Sends one WebSocket command; returns its result or raises what Home Assistant complains about."""
        self.id += 1
        await self.ws.send_json({"id": self.id, "type": kind, **fields})
        while True:
            answer = await self.ws.receive_json()
            if answer.get("id") == self.id and answer["type"] == "result":
                if not answer["success"]:
                    raise RuntimeError(f"{kind} {fields}: {answer['error']}")
                return answer["result"]

    async def post(self, path, body):
        async with self.http.post(self.url + path, json=body) as answer:
            if answer.status >= 400:
                raise RuntimeError(f"POST {path} {body}: {answer.status} {await answer.text()}")
            return await answer.json()
