#!/usr/bin/env python3
"""transcribe.py HOST:PORT FILE.wav...: what a Wyoming speech-to-text server understands, one line a file. Needs the package wyoming."""

import asyncio
import sys
import wave

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioStop, wav_to_chunks
from wyoming.client import AsyncClient

CHUNK_SAMPLES = 1024


async def transcribe(address, path):
    with wave.open(path) as sound:
        events = list(wav_to_chunks(sound, CHUNK_SAMPLES, start_event=True))
    async with AsyncClient.from_uri(f"tcp://{address}") as server:
        await server.write_event(Transcribe(language="en").event())
        for event in events:
            await server.write_event(event.event())
        await server.write_event(AudioStop().event())
        while (event := await server.read_event()) is not None:
            if Transcript.is_type(event.type):
                return Transcript.from_event(event).text.strip()
    raise ConnectionError(f"{address} closed the connection without a transcript")


async def main(address, *paths):
    for path in paths:
        print(await transcribe(address, path))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
