#!/usr/bin/env python3
"""mkggml.py HEADER.bin SHAPE f16|q8_0 OUT.bin: a whisper.cpp model of a true shape with random weights.

It costs what the real one costs and understands nothing: whatever it hears is SAYS, so that every engine decodes the same tokens. HEADER.bin is any English ggml model: mel filters and vocabulary are taken from it.
SHAPE is one of SHAPES, with `.en` for the English vocabulary. The weights are seeded: the same call writes the same file.
"""

import struct
import sys

import numpy as np

# width, heads, layers (encoder and decoder alike): openai/whisper, model card.
SHAPES = {"tiny": (384, 6, 4), "base": (512, 8, 6), "small": (768, 12, 12), "medium": (1024, 16, 24)}
MAGIC, AUDIO_CTX, TEXT_CTX, N_MELS = 0x67676D6C, 1500, 448, 80
ENGLISH, MULTILINGUAL = 51864, 51865
F32, F16, Q8_0 = 0, 1, 8  # ggml tensor types
SAYS = [b"Turn", b" on", b" the", b" kitchen", b" light", b"."]  # with the end of the text, as many tokens as a command of 2.5 s has
END = {ENGLISH: 50256, MULTILINGUAL: 50257}
PROMPT = {ENGLISH: 2, MULTILINGUAL: 4}  # tokens before the first word, without time stamps
FILE_TYPE = {"f16": 1, "q8_0": 2007}  # 7 = mostly q8_0, and 1000 times the quantisation version 2


def header(source, shape, kind):
    """Hyperparameters of the shape, then mel filters and tokens as they are in the source."""
    name, _, language = shape.partition(".")
    width, heads, layers = SHAPES[name]
    with open(source, "rb") as model:
        known = model.read()
    assert struct.unpack_from("<I", known)[0] == MAGIC, f"{source} is no ggml model"
    mels, bins = struct.unpack_from("<2i", known, 48)
    at = 56 + 4 * mels * bins
    tokens = []
    for _ in range(struct.unpack_from("<i", known, at)[0]):
        length = struct.unpack_from("<I", known, at + 4)[0]
        tokens.append(known[at + 8:at + 8 + length])
        at += 4 + length
    vocabulary = ENGLISH if language == "en" else MULTILINGUAL
    numbers = (vocabulary, AUDIO_CTX, width, heads, layers, TEXT_CTX, width, heads, layers, N_MELS, FILE_TYPE[kind])
    return struct.pack("<I11i", MAGIC, *numbers) + known[48:at + 4], tokens, vocabulary, width, layers


def q8_0(values):
    """Blocks of 32: a float16 scale and 32 signed bytes."""
    blocks = values.astype(np.float32).reshape(-1, 32)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / 127
    quants = np.round(np.divide(blocks, scale, out=np.zeros_like(blocks), where=scale > 0)).astype(np.int8)
    return np.hstack([scale.astype(np.float16).view(np.uint8), quants.view(np.uint8)]).tobytes()


class Writer:
    def __init__(self, out, kind, seed=1):
        self.out, self.matrix, self.random = out, Q8_0 if kind == "q8_0" else F16, np.random.default_rng(seed)

    def put(self, name, values, kind=F32):
        encoded = {F32: lambda v: v.astype(np.float32).tobytes(), F16: lambda v: v.astype(np.float16).tobytes(), Q8_0: q8_0}[kind](values)
        self.out.write(struct.pack("<iii", values.ndim, len(name), kind) + struct.pack(f"<{values.ndim}i", *reversed(values.shape)))
        self.out.write(name.encode() + encoded)

    def noise(self, *shape, spread):
        return self.random.standard_normal(shape, dtype=np.float32) * np.float32(spread)

    def linear(self, name, outputs, inputs, bias=True):
        self.put(f"{name}.weight", self.noise(outputs, inputs, spread=inputs**-0.5), self.matrix)
        if bias:
            self.put(f"{name}.bias", self.noise(outputs, spread=0.02))

    def norm(self, name, width):
        self.put(f"{name}.weight", np.ones(width))
        self.put(f"{name}.bias", np.zeros(width))

    def convolution(self, name, outputs, inputs):
        self.put(f"{name}.weight", self.noise(outputs, inputs, 3, spread=(3 * inputs) ** -0.5), F16)  # never quantised
        self.put(f"{name}.bias", np.zeros((outputs, 1)))

    def block(self, name, width, attentions):
        for attention in attentions:
            for part, bias in (("query", True), ("key", False), ("value", True), ("out", True)):
                self.linear(f"{name}.{attention}.{part}", width, width, bias)
            self.norm(f"{name}.{attention}_ln", width)
        self.linear(f"{name}.mlp.0", 4 * width, width)
        self.linear(f"{name}.mlp.2", width, 4 * width)
        self.norm(f"{name}.mlp_ln", width)


def sinusoids(length, width):
    angles = np.arange(length)[:, None] * np.exp(-np.log(10000) / (width // 2 - 1) * np.arange(width // 2))[None]
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def positions_that_say(said, embedding, vocabulary):
    """Each position is the embedding of the token that follows, so large that no layer changes the outcome."""
    then = said + [END[vocabulary]] * (TEXT_CTX - len(said))
    before = PROMPT[vocabulary] - 1
    return 800 * embedding[([said[0]] * before + then)[:TEXT_CTX]]


def main(source, shape, kind, path):
    head, tokens, vocabulary, width, layers = header(source, shape, kind)
    with open(path, "wb") as out:
        out.write(head)
        model = Writer(out, kind)
        model.put("encoder.positional_embedding", sinusoids(AUDIO_CTX, width))
        model.convolution("encoder.conv1", width, N_MELS)
        model.convolution("encoder.conv2", width, width)
        for layer in range(layers):
            model.block(f"encoder.blocks.{layer}", width, ["attn"])
        model.norm("encoder.ln_post", width)
        embedding = model.noise(vocabulary, width, spread=0.05)
        model.put("decoder.positional_embedding", positions_that_say([tokens.index(word) for word in SAYS], embedding, vocabulary))
        model.put("decoder.token_embedding.weight", embedding, model.matrix)
        for layer in range(layers):
            model.block(f"decoder.blocks.{layer}", width, ["attn", "cross_attn"])
        model.norm("decoder.ln", width)


if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[2].removesuffix(".en") not in SHAPES or sys.argv[3] not in FILE_TYPE:
        sys.exit(f"{__doc__}\nSHAPES: {', '.join(SHAPES)}")
    main(*sys.argv[1:])
