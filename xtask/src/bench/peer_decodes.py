"""peer_decodes.py MODEL_FOLDER THREADS SOUND.wav: decodes the sound once for each line of standard input, and prints what it took in milliseconds and the words."""

import sys
import time
import wave

import numpy as np
from faster_whisper import WhisperModel

folder, threads, sound = sys.argv[1:]
model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=int(threads))
with wave.open(sound) as recording:
    samples = np.frombuffer(recording.readframes(-1), np.int16).astype(np.float32) / 32768
for _ in sys.stdin:
    begin = time.perf_counter()
    segments, _ = model.transcribe(samples, language="en", beam_size=1, without_timestamps=True)
    words = "".join(segment.text for segment in segments)
    print(f"{(time.perf_counter() - begin) * 1000:.2f} {words}", flush=True)
