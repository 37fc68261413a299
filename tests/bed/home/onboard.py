#!/usr/bin/env python3
"""onboard.py URL TOKENFILE: creates the owner and a long-lived token.

Only the user step: the step `core_config` would install integrations that the tests do not want (a text-to-speech engine among them).
"""

import asyncio
import sys

import aiohttp

from client import Client

URL, TOKENFILE = sys.argv[1:3]
CLIENT_ID = URL + "/"


async def main():
    owner = {"client_id": CLIENT_ID, "name": "Owner", "username": "owner", "password": "owner-pass-1", "language": "en"}
    async with aiohttp.ClientSession(raise_for_status=True) as http:
        async with http.post(URL + "/api/onboarding/users", json=owner) as answer:
            code = (await answer.json())["auth_code"]
        grant = {"client_id": CLIENT_ID, "grant_type": "authorization_code", "code": code}
        async with http.post(URL + "/auth/token", data=grant) as answer:
            access = (await answer.json())["access_token"]
    async with Client(URL, access) as home:
        token = await home.command("auth/long_lived_access_token", client_name="tests", lifespan=3650)
        # Home Assistant writes users and tokens to disk when it stops, but only if it had fully started.
        while (await home.command("get_config"))["state"] != "RUNNING":
            await asyncio.sleep(0.1)
    with open(TOKENFILE, "w", encoding="ascii") as out:
        out.write(token + "\n")


asyncio.run(main())
