#!/usr/bin/env python3
"""ggml2ct2.py MODEL.bin OUTPUT_DIR int8|float32: an English whisper.cpp model as a CTranslate2 model for faster-whisper.

The same weights and vocabulary, so that both engines can be compared side by side. Needs the package faster-whisper.
"""

import os
import struct
import sys

import numpy as np
from ctranslate2.specs import whisper_spec
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

HYPERPARAMETERS = "n_vocab n_audio_ctx n_audio_state n_audio_head n_audio_layer n_text_ctx n_text_state n_text_head n_text_layer n_mels ftype".split()
TYPES = {0: np.float32, 1: np.float16}
END_OF_TEXT, WORDS, TIMESTAMP_S = 50256, 50256, 0.02
LANGUAGES = """en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml cy sk te fa lv bn sr az
sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha
ba jw su""".split()
SPECIAL = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in LANGUAGES),
           "<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nocaptions|>", "<|notimestamps|>"]


def read(path):
    """Hyperparameters, tokens and tensors of a ggml file."""
    with open(path, "rb") as model:
        data = memoryview(model.read())
    numbers = dict(zip(HYPERPARAMETERS, struct.unpack_from("<11i", data, 4)))
    mels, bins = struct.unpack_from("<2i", data, 48)
    at = 56 + 4 * mels * bins
    tokens, tensors = [], {}
    count = struct.unpack_from("<i", data, at)[0]
    at += 4
    for _ in range(count):
        size = struct.unpack_from("<I", data, at)[0]
        tokens.append(bytes(data[at + 4:at + 4 + size]))
        at += 4 + size
    while at < len(data):
        rank, length, kind = struct.unpack_from("<iii", data, at)
        shape = struct.unpack_from(f"<{rank}i", data, at + 12)[::-1]
        at += 12 + 4 * rank
        name = bytes(data[at:at + length]).decode()
        at += length
        if kind not in TYPES:
            sys.exit(f"{path}: tensor {name} is quantised; only float16 and float32 models can be converted")
        values = np.frombuffer(data, TYPES[kind], int(np.prod(shape)), at)
        at += values.nbytes
        tensors[name] = values.reshape(shape).astype(np.float32)
    return numbers, tokens, tensors


class Specification:
    def __init__(self, numbers, tensors):
        self.tensors = tensors
        layers = numbers["n_audio_layer"], numbers["n_audio_head"], numbers["n_text_layer"], numbers["n_text_head"]
        self.spec = whisper_spec.WhisperSpec(*layers)
        self.encoder(self.spec.encoder)
        self.decoder(self.spec.decoder)

    def bias(self, name):
        return self.tensors.get(f"{name}.bias", np.zeros(self.tensors[f"{name}.weight"].shape[0], np.float32))

    def linear(self, spec, *names):
        """Several names are fused into one layer."""
        spec.weight = np.concatenate([self.tensors[f"{name}.weight"] for name in names])
        spec.bias = np.concatenate([self.bias(name) for name in names])

    def norm(self, spec, name):
        spec.gamma, spec.beta = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]

    def attention(self, spec, name, crossed=False):
        query, key, value = (f"{name}.{part}" for part in ("query", "key", "value"))
        if crossed:
            self.linear(spec.linear[0], query)
            self.linear(spec.linear[1], key, value)
        else:
            self.linear(spec.linear[0], query, key, value)
        self.linear(spec.linear[-1], f"{name}.out")
        self.norm(spec.layer_norm, f"{name}_ln")

    def feed_forward(self, layer, name):
        self.linear(layer.ffn.linear_0, f"{name}.mlp.0")
        self.linear(layer.ffn.linear_1, f"{name}.mlp.2")
        self.norm(layer.ffn.layer_norm, f"{name}.mlp_ln")

    def encoder(self, spec):
        for convolution, name in ((spec.conv1, "encoder.conv1"), (spec.conv2, "encoder.conv2")):
            convolution.weight, convolution.bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"].reshape(-1)
        spec.position_encodings.encodings = self.tensors["encoder.positional_embedding"]
        self.norm(spec.layer_norm, "encoder.ln_post")
        for i, layer in enumerate(spec.layer):
            self.attention(layer.self_attention, f"encoder.blocks.{i}.attn")
            self.feed_forward(layer, f"encoder.blocks.{i}")

    def decoder(self, spec):
        embedding = self.tensors["decoder.token_embedding.weight"]
        spec.embeddings.weight = spec.projection.weight = embedding
        spec.position_encodings.encodings = self.tensors["decoder.positional_embedding"]
        self.norm(spec.layer_norm, "decoder.ln")
        for i, layer in enumerate(spec.layer):
            self.attention(layer.self_attention, f"decoder.blocks.{i}.attn")
            self.attention(layer.attention, f"decoder.blocks.{i}.cross_attn", crossed=True)
            self.feed_forward(layer, f"decoder.blocks.{i}")


def byte_letters():
    """GPT-2 writes every byte as one visible letter; returns the letters, and the bytes in the order of their token ids."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {**{byte: chr(byte) for byte in visible}, **{byte: chr(256 + i) for i, byte in enumerate(hidden)}}, visible + hidden


def pieces(word, limit, rank):
    """What is left of a word when only merges of a lower rank may happen: two pieces, which are the word's own merge."""
    parts = [word[i:i + 1] for i in range(len(word))]
    while len(parts) > 2:
        best, i = min((rank.get(parts[i] + parts[i + 1], limit), i) for i in range(len(parts) - 1))
        if best >= limit:
            break
        parts[i:i + 2] = [parts[i] + parts[i + 1]]
    return parts


def tokenizer(tokens):
    """GPT-2's vocabulary and merges, from the tokens alone: a token's id is its rank."""
    letters, order = byte_letters()
    tokens[:256] = [bytes([byte]) for byte in order]  # the header has U+FFFD for bytes that are not UTF-8
    rank = {word: i for i, word in reversed(list(enumerate(tokens[:WORDS]))) if b"\xef\xbf\xbd" not in word}
    written = {word: "".join(letters[byte] for byte in word) for word in rank}
    vocabulary = {written[word]: i for word, i in rank.items()}
    vocabulary |= {f"<unused{i}>": i for i in set(range(WORDS)) - set(rank.values())} | {"<|endoftext|>": END_OF_TEXT}
    merges = []
    for word, limit in rank.items():
        if len(word) > 1 and len(parts := pieces(word, limit, rank)) == 2:
            merges.append(("".join(letters[byte] for byte in parts[0]), "".join(letters[byte] for byte in parts[1])))
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    return made, vocabulary


def main(source, target, quantization):
    numbers, tokens, tensors = read(source)
    spec = Specification(numbers, tensors).spec
    made, vocabulary = tokenizer(tokens)
    by_id = {i: word for word, i in vocabulary.items()}
    names = [by_id[i] for i in range(WORDS)] + SPECIAL
    names += [f"<|{i * TIMESTAMP_S:.2f}|>" for i in range(numbers["n_vocab"] - len(names))]
    spec.register_vocabulary(names)
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], [220, END_OF_TEXT]
    spec.config.lang_ids = list(range(50258, 50357))
    spec.config.alignment_heads = [[numbers["n_text_layer"] - 1, 0]]
    spec.validate()
    spec.optimize(quantization=None if quantization == "float32" else quantization)
    os.makedirs(target, exist_ok=True)
    spec.save(target)
    made.save(os.path.join(target, "tokenizer.json"))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
