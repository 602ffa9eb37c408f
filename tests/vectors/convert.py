#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Turns upstream's JSON vectors into the line files here: convert.py FOLDER_WITH_JSON. See README.md for the sources."""
import json
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))


def load(name):
    with open(os.path.join(sys.argv[1], name), encoding="utf-8") as f:
        return json.load(f)


def save(name, about, blocks):
    with open(os.path.join(here, name), "w", encoding="utf-8") as f:
        f.write("# %s\n" % about)
        for b in blocks:
            f.write("\n" + "".join(("%s %s" % kv).rstrip() + "\n" for kv in b))


def aead(name, out, about):
    rows = []
    for g in load(name)["testGroups"]:
        if g["ivSize"] == 96 and g["tagSize"] == 128 and g["keySize"] == 256:
            rows += [[(k, t[k]) for k in ("tcId", "key", "iv", "aad", "msg", "ct", "tag", "result")] for t in g["tests"]]
    save(out, about, rows)


def main():
    aead("chacha20_poly1305_test.json", "chacha20_poly1305.txt",
         "ChaCha20-Poly1305, from Wycheproof (Apache-2.0, LICENSE.wycheproof); 96-bit nonces only, fields chosen, format changed")
    aead("aes256_gcm_test.json", "aes256_gcm.txt",
         "AES-256-GCM, from Wycheproof (Apache-2.0, LICENSE.wycheproof); 96-bit nonces only, fields chosen, format changed")
    save("x25519.txt", "X25519, from Wycheproof (Apache-2.0, LICENSE.wycheproof); fields chosen, format changed",
         [[(k, t[k]) for k in ("tcId", "public", "private", "shared", "result")] + [("flags", ",".join(t["flags"]))]
          for g in load("x25519_test.json")["testGroups"] for t in g["tests"]])
    save("ed25519.txt", "Ed25519, from Wycheproof (Apache-2.0, LICENSE.wycheproof); fields chosen, format changed",
         [[("tcId", t["tcId"]), ("pk", g["publicKey"]["pk"]), ("msg", t["msg"]), ("sig", t["sig"]), ("result", t["result"])]
          for g in load("ed25519_test.json")["testGroups"] for t in g["tests"]])
    save("blake2b.txt", "BLAKE2b, unkeyed, 64-byte digests, from BLAKE2/BLAKE2 testvectors (CC0); format changed",
         [[("in", v["in"]), ("out", v["out"])] for v in load("blake2b-kat.json")["vectors"]])
    rows = []
    for v in load("noise-cacophony.json")["vectors"]:
        if v["protocol_name"] not in ("Noise_XX_25519_ChaChaPoly_BLAKE2b", "Noise_IKpsk1_25519_ChaChaPoly_BLAKE2b"):
            continue
        row = [(k, v[k]) for k in v if isinstance(v[k], str)]
        row += [(k[:-1], v[k][0]) for k in ("init_psks", "resp_psks") if v.get(k)]
        for i, m in enumerate(v["messages"]):
            row += [("payload%d" % i, m["payload"]), ("ciphertext%d" % i, m["ciphertext"])]
        rows.append(row)
    save("noise.txt", "Noise XX and IKpsk1, from centromere/cacophony vectors/cacophony.txt (Unlicense); format changed", rows)


main()
