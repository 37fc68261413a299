"""Writes the goldens of this folder with the Python library `wyoming` 1.10.2 (pip install wyoming==1.10.2).

NAME.wire: bytes as they are on the wire. NAME.json: what they mean, one object per event.
The events are those that Home Assistant 2026.11.0 and its peers exchange.
"""

import io
import json
from pathlib import Path

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, write_event
from wyoming.handle import Handled, NotHandled
from wyoming.info import (AsrModel, AsrProgram, Attribution, Describe, HandleModel, HandleProgram, Info,
                          Satellite, TtsProgram, TtsVoice)
from wyoming.intent import NotRecognized
from wyoming.ping import Ping, Pong
from wyoming.pipeline import PipelineStage, RunPipeline
from wyoming.satellite import PauseSatellite, RunSatellite, StreamingStarted, StreamingStopped
from wyoming.snd import Played
from wyoming.timer import TimerCancelled, TimerFinished, TimerStarted, TimerUpdated
from wyoming.tts import (Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped,
                         SynthesizeVoice)
from wyoming.vad import VoiceStarted, VoiceStopped
from wyoming.wake import Detection

FOLDER = Path(__file__).parent
MAKER = Attribution("bridge", "https://example.invalid")


def artifact(name):
    return {"name": name, "attribution": MAKER, "installed": True, "description": name, "version": "0.1"}


INFO = Info(
    asr=[AsrProgram(**artifact("bridge-asr"), requires_external_vad=False, supports_transcript_streaming=True,
                    models=[AsrModel(**artifact("whisper-base"), languages=["en", "de"])])],
    tts=[TtsProgram(**artifact("bridge-tts"), supports_synthesize_streaming=True,
                    voices=[TtsVoice(**artifact("v1"), languages=["en"])])],
    handle=[HandleProgram(**artifact("bridge-agent"), supports_home_control=True,
                          models=[HandleModel(**artifact("m"), languages=["en", "de"])])])
SATELLITE = Info(satellite=Satellite(
    name="Wearable 1", attribution=MAKER, installed=True, description=None, version=None, area="Küche",
    has_vad=True, active_wake_words=[], max_active_wake_words=0, supports_trigger=True))
TONE = bytes(range(256)) + bytes(64)

SESSIONS = {
    "speech-to-text": [
        Transcribe(language="en"), AudioStart(16000, 2, 1), AudioChunk(16000, 2, 1, TONE), AudioStop(),
        Transcript("turn on the kitchen light", language="en")],
    "conversation": [
        Transcript("mach das Licht in der Küche an", language="de", context={
            "conversation_id": "01M7WFPQ5TF15381CJQ3JQS9NQ", "device_id": "1c095d4e59f215df85e3500078fe5e88",
            "satellite_id": "assist_satellite.kitchen_wearable_1"}),
        Handled("Eingeschaltet ✓"), NotHandled("No lights here"), NotRecognized("Sorry?"),
        Error("boom", "bridge-error")],
    "text-to-speech": [
        SynthesizeStart(voice=SynthesizeVoice(name="v1")), SynthesizeChunk("Sentence 0. Sentence"),
        SynthesizeChunk(" 1."), Synthesize("Sentence 0. Sentence 1.", voice=SynthesizeVoice(name="v1")),
        SynthesizeStop(), AudioStart(22050, 2, 1, timestamp=0), AudioChunk(22050, 2, 1, TONE, timestamp=0),
        AudioStop(), SynthesizeStopped(), Synthesize("Hallo", voice=SynthesizeVoice(language="de"))],
    "describe": [Describe(), INFO, SATELLITE],
    "satellite": [
        RunSatellite(), Ping(), Pong(), Ping("42"), Pong("42"), Detection("hey_bridge", 0),
        RunPipeline(PipelineStage.ASR, PipelineStage.TTS), StreamingStarted(), AudioChunk(16000, 2, 1, TONE, 0),
        VoiceStarted(120), VoiceStopped(980), AudioStop(1000), StreamingStopped(), Played(),
        TimerStarted("t1", 90, name="pasta", start_minutes=1, start_seconds=30), TimerUpdated("t1", False, 42),
        TimerCancelled("t1"), TimerFinished("t2"), PauseSatellite()],
}

# What the library never writes and every reader must take.
BY_HAND = {
    "tolerated": (
        b'{"type":"transcript","data":{"text":"old","language":"en"},"data_length":14,"later":[1]}\n'
        b'{"text": "new"}'.replace(b" ", b"")
        + b'{"type": "describe"}\r\n'
        + b'{"data_length":null,"payload_length":null,"data":null,"type":"from-the-future"}\n'
        + b'{"type":"audio-chunk","data":{"rate":16000,"width":2,"channels":1,"unit":"ms"},"payload_length":4}\n'
        + b"\x01\x02\n\xff",
        [("transcript", {"text": "new", "language": "en"}, b""), ("describe", {}, b""),
         ("from-the-future", {}, b""),
         ("audio-chunk", {"rate": 16000, "width": 2, "channels": 1, "unit": "ms"}, b"\x01\x02\n\xff")]),
}


def write(name, wire, events):
    (FOLDER / f"{name}.wire").write_bytes(wire)
    lines = [json.dumps({"type": kind, "data": data, "payload": payload.hex()}, ensure_ascii=False)
             for kind, data, payload in events]
    (FOLDER / f"{name}.json").write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


for name, session in SESSIONS.items():
    stream = io.BytesIO()
    events: list[Event] = [body.event() for body in session]
    for event in events:
        write_event(event, stream)
    write(name, stream.getvalue(), [(e.type, e.data, e.payload or b"") for e in events])
for name, (wire, events) in BY_HAND.items():
    write(name, wire, events)
