#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A second implementation, from the text of PROTOCOL.md alone, that makes its vectors again: protocol_twin.py PROTOCOL.md

Exit status 77 (skipped) where the `cryptography` package is missing.
"""
import base64
import hashlib
import hmac
import struct
import sys

try:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
except ImportError:
    print("skipped: no cryptography package")
    sys.exit(77)

RAW = (Encoding.Raw, PublicFormat.Raw)
checked = 0


def read(path):
    rows, name, inside = {}, None, False
    for line in open(path, encoding="utf-8"):
        line = line.rstrip()
        if line.startswith("```"):
            inside = line == "```vectors"
        elif inside and not line.startswith(" "):
            name = line.rstrip(":")
            rows[name] = ""
        elif inside:
            rows[name] += line.strip()
    return rows


doc = read(sys.argv[1])
used = set()


def get(name):
    used.add(name)
    return bytes.fromhex(doc[name])


def expect(name, value):
    global checked
    used.add(name)
    value = value if isinstance(value, str) else value.hex()
    if doc[name] != value:
        sys.exit("%s: the document has\n%s\nthe twin makes\n%s" % (name, doc[name], value))
    checked += 1


def blake(data, size, key=b""):
    return hashlib.blake2b(data, digest_size=size, key=key).digest()


def crc16(data):
    crc = 0xffff
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xffff
    return crc


def x_public(secret):
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes(*RAW)


def montgomery(ed):
    """RFC 7748, section 4.1: u = (1 + y) / (1 - y)."""
    p = 2**255 - 19
    y = int.from_bytes(ed, "little") & (2**255 - 1)
    return ((1 + y) * pow(1 - y, -1, p) % p).to_bytes(32, "little")


class Node:
    def __init__(self, who):
        seed = get(who + ".seed")
        self.key = Ed25519PrivateKey.from_private_bytes(seed)
        self.ed = self.key.public_key().public_bytes(*RAW)
        h = bytearray(hashlib.sha512(seed).digest()[:32])
        h[0] &= 248
        h[31] = h[31] & 127 | 64
        self.xs, self.x = bytes(h), montgomery(self.ed)
        assert x_public(self.xs) == self.x
        self.id = blake(self.ed, 64)
        text = base64.b32encode(self.id + struct.pack(">H", crc16(b"\x01" + self.id)) + b"\x01").decode().lower().rstrip("=")
        expect(who + ".ed25519", self.ed)
        expect(who + ".x25519_secret", self.xs)
        expect(who + ".x25519", self.x)
        expect(who + ".id", self.id)
        expect(who + ".id_text", text)
        expect(who + ".id_host", text[:54] + "." + text[54:] + ".coyo")
        self.e = get(who + ".ephemeral_secret")

    def sign(self, context, body):
        return self.key.sign(bytes([len(context)]) + context + body)


def hkdf3(ck, ikm):
    t = hmac.new(ck, ikm, hashlib.blake2b).digest()
    o1 = hmac.new(t, b"\x01", hashlib.blake2b).digest()
    o2 = hmac.new(t, o1 + b"\x02", hashlib.blake2b).digest()
    return o1, o2, hmac.new(t, o2 + b"\x03", hashlib.blake2b).digest()


def hkdf2(ck, ikm):
    return hkdf3(ck, ikm)[:2]


def noise(pattern, prologue, a, b, payloads, psk=b""):
    """Both sides at once: what each message is, the hash, the two keys, the generation."""
    name = b"Noise_%s_25519_ChaChaPoly_BLAKE2b" % pattern
    h = ck = name + bytes(64 - len(name))
    h = blake(h + prologue, 64)
    if pattern == b"IKpsk1":
        h = blake(h + b.x, 64)
    k, n, out = None, 0, []
    lines = {b"XX": ["e", "e ee s es", "s se"], b"IKpsk1": ["e es s ss psk", "e ee se"]}[pattern]

    def dh(s, p):
        return X25519PrivateKey.from_private_bytes(s).exchange(X25519PublicKey.from_public_bytes(p))

    def seal(plain):
        nonlocal h, n
        if k is not None:
            plain = ChaCha20Poly1305(k).encrypt(bytes(4) + struct.pack("<Q", n), plain, h)
            n += 1
        h = blake(h + plain, 64)
        return plain

    for i, line in enumerate(lines):
        w = (a, b)[i % 2]
        msg = b""
        for t in line.split():
            if t == "e":
                msg += x_public(w.e)
                h = blake(h + x_public(w.e), 64)
                if psk:
                    ck, k = hkdf2(ck, x_public(w.e))
                    k, n = k[:32], 0
            elif t == "s":
                msg += seal(w.x)
            elif t == "psk":
                ck, mixed, k = hkdf3(ck, psk)
                h = blake(h + mixed, 64)
                k, n = k[:32], 0
            else:
                ck, k = hkdf2(ck, dh(a.e if t[0] == "e" else a.xs, x_public(b.e) if t[1] == "e" else b.x))
                k, n = k[:32], 0
        out.append(msg + seal(payloads[i]))
    k1, k2, generation = hkdf3(ck, b"")
    return out, h, k1[:32], k2[:32], generation[:32]


def lane(k, number):
    prk = hmac.new(k, b"coyo lane" + struct.pack(">H", number), hashlib.blake2b).digest()
    return hmac.new(prk, b"\x01", hashlib.blake2b).digest()[:32]


def mac1(who, data):
    return blake(data, 16, blake(b"coyo mac1" + who, 32))


def frame(kind, receiver, counter, msg, who, total=0):
    body = struct.pack(">H", len(msg)) + msg
    body += bytes(max(0, total - 32 - len(body)))
    head = struct.pack(">BBHIQ", kind << 4 | 2, 0, len(body) + 32, receiver, counter)
    return head + body + mac1(who, head + body) + bytes(16)


def payload(lanes, epoch, rx, key, stamp=0):
    return (struct.pack(">BBHIHBB", 2, lanes, 6, epoch, 1280, len(rx), 1 if stamp else 0) + key +
            (struct.pack(">Q", stamp) if stamp else b"") + b"".join(struct.pack(">I", v) for v in rx))


def keys(what, h, k1, k2, generation):
    expect(what + ".handshake_hash", h)
    expect(what + ".a_to_b", k1)
    expect(what + ".b_to_a", k2)
    expect(what + ".a_to_b.lane0", lane(k1, 0))
    expect(what + ".a_to_b.lane1", lane(k1, 1))
    expect(what + ".b_to_a.lane0", lane(k2, 0))
    expect(what + ".generation", generation)


def handshakes(a, b):
    base = b"IPvCoyo 2" + struct.pack(">I", 7)
    p = [payload(2, 0x0e0e0000, [], bytes(32)), payload(1, 0x0e0e0b00, [0x0b000010, 0x0b000011], b.ed),
         payload(2, 0x0e0e0a00, [0x0a000020], a.ed)]
    expect("link.prologue", base + b"\x01")
    msgs, h, k1, k2, generation = noise(b"XX", base + b"\x01", a, b, p)
    heads = [(1, 7, 0xa1, b.id, 272), (2, 0xa1, 0xb1, bytes(64), 0), (3, 0xb1, 0xa1, bytes(64), 0)]
    for i, (kind, to, mine, who, total) in enumerate(heads):
        expect("link.xx%d.payload" % (i + 1), p[i])
        expect("link.xx%d.noise" % (i + 1), msgs[i])
        expect("link.xx%d.frame" % (i + 1), frame(kind, to, mine, msgs[i], who, total))
    keys("link", h, k1, k2, generation)
    inner = struct.pack(">I", 0x12345 << 12 | 1 << 9 | 1 << 8 | 255) + b"data"
    head = struct.pack(">BBHIQ", 0x52, 0, len(inner) + 16, 0x0b000011, 0x102)
    expect("link.data.inner", inner)
    expect("link.data.chacha.frame",
           head + ChaCha20Poly1305(lane(k1, 1)).encrypt(bytes(4) + struct.pack("<Q", 0x102), inner, head))
    expect("link.data.gcm.frame", head + AESGCM(lane(k1, 1)).encrypt(bytes(4) + struct.pack(">Q", 0x102), inner, head))

    head = struct.pack(">BBHIQ", 0x62, 0, 24, 0xa1, 0) + struct.pack(">BxxxI", 1, 8)
    expect("link.refused.frame", head + blake(head, 16, blake(b"coyo refused" + get("link.refused.mac1"), 32)))

    prologue = base + b"\x02" + a.id + b.id
    p = [payload(1, 0x0e0e0a00, [0x0a000030, 0x0a000031], a.ed, 0x0102030405060708),
         payload(1, 0x0e0e0b00, [0x0b000040, 0x0b000041], b.ed)]
    expect("session.prologue", prologue)
    msgs, h, k1, k2, generation = noise(b"IKpsk1", prologue, a, b, p, get("session.ik.secret"))
    for i in range(2):
        expect("session.ik%d.payload" % (i + 1), p[i])
        expect("session.ik%d.noise" % (i + 1), msgs[i])
    keys("session", h, k1, k2, generation)
    inner = b"\x06\x02segment"
    word = struct.pack(">BBHQ", 0 << 2 | 1, 12 + len(inner) + 16, 0, 5)
    expect("tunnel.inner", inner)
    expect("tunnel.packet", struct.pack(">I", 0xabcde << 12 | 1 << 9 | 1 << 8 | 255) + word +
           ChaCha20Poly1305(lane(k1, 0)).encrypt(bytes(4) + struct.pack("<Q", 5), inner, word))
    body, fields = b"payload of a packet", struct.pack(">BB", 17, 63)
    expect("ip6.packet", struct.pack(">IH", 6 << 28 | 0xb9 << 20 | 0x54321, len(body)) + fields +
           b"\xfd" + a.id[:15] + b"\xfd" + b.id[:15] + body)
    for form, name, part in ((0, "whole", body), (1, "first", body[:10]), (2, "second", body[10:])):
        expect("ip6.%s.inner" % name, struct.pack(">BBI", 41, 0xb9, form << 30 | 0xfd << 20 | 0x54321) + fields +
               (struct.pack(">H", 0x0203) if form else b"") + part)
    body = b"datagram of odd length\0"
    ports = struct.pack(">HH", 40001, 7)
    size = struct.pack(">H", 8 + len(body))
    words = a.id + b.id + bytes(2) + size + b"\0\0\0\x11" + ports + size + body
    total = sum(struct.unpack(">%dH" % ((len(words) + 1) // 2), words + bytes(len(words) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    expect("udp.inner", b"\x11\0" + ports + size + struct.pack(">H", ~total & 0xffff or 0xffff) + body)
    expect("udp.nobody", b"\x0a\0\0\0" + ports + bytes(8))


def exq_filter(units, rpc, records):
    word, out = (1 << 64) - 1, bytearray(8 * units)
    for node_id, seq in records:
        x = (int.from_bytes(node_id[:8], "big") + seq * 0x9e3779b97f4a7c15 + rpc * (2**32 + 1)) & word
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9 & word
        x = (x ^ x >> 27) * 0x94d049bb133111eb & word
        x ^= x >> 31
        for i in range(4):
            bit = (x >> 16 * i & 0xffff) % (64 * units)
            out[bit // 8] |= 1 << bit % 8
    return bytes(out)


def coords_of(ports):
    """Ports from the root down (6.2); what does not fit is only counted."""
    out, coded, i = b"", 0, 0

    def written(port, times):
        head = bytes([port]) if port < 64 else struct.pack(">H", 0x8000 | port)
        if times == 1:
            return head
        return head + (bytes([0x3f + times - 1]) if times < 65 else struct.pack(">BH", 0x7f, times - 1))

    while i < len(ports):
        times = 1
        while ports[i + times:i + times + 1] == [ports[i]]:
            times += 1
        fits = [k for k in range(times, 0, -1) if len(out + written(ports[i], k)) <= 240]
        if fits:
            out += written(ports[i], fits[0])
            coded += fits[0]
        if not fits or fits[0] < times:
            break
        i += times
    without = len(ports) - coded
    return struct.pack(">H", len(out) | 0x8000) + struct.pack(">H", without) + out if without else struct.pack(">H", len(out)) + out


def messages(a, b):
    expect("mac1.of_message_to_b", mac1(b.id, b"message"))
    cookie = blake(get("cookie.source"), 16, get("cookie.secret"))
    expect("cookie.cookie", cookie)
    expect("mac2.of_message", blake(b"message", 16, cookie))
    puzzle = bytes([12]) + bytes(range(0x70, 0x77))
    seed = blake(b"coyo puzzle" + puzzle + a.id + b.id + struct.pack(">Q", 0x0102030405060708), 32)
    expect("puzzle.seed", seed)
    solution = next(s for s in range(1 << 20) if blake(seed + struct.pack(">Q", s), 16)[:2] < b"\x00\x10")
    expect("puzzle.mac2", puzzle + struct.pack(">Q", solution))
    expect("coords.chain", coords_of([70] + 1000 * [1]))
    expect("coords.deep", coords_of(121 * [1, 2]))
    coords = coords_of([5, 300, 300, 300])
    body = a.ed + struct.pack(">QQBB", 3, 0, 1, 0) + b.id[:8] + coords
    record = body + a.sign(b"IPvCoyo record 1", body)
    expect("record", record)
    hello = struct.pack(">QQIBBHI", 1000000, 999000, 50, 1, 0, 1280, 0x0e0e0a00) + a.id
    expect("hello.packet", struct.pack(">I", 13 << 12 | 6 << 9 | 1 << 8 | 1) + bytes.fromhex("10007ff9") +
           struct.pack(">BBH", 1, 0, len(hello)) + hello)
    body = struct.pack(">BxxxQ", 0, 42) + a.ed + a.sign(b"IPvCoyo root 1", struct.pack(">BQ", 0, 42))
    expect("seq", struct.pack(">BBH", 3, 0, len(body)) + body)
    body = struct.pack(">BxHIQ", 1, 3, 0x0b0c0d0e, 0x0102030405060708) + bytes(range(0x80, 0xa0))
    expect("seen.answer", struct.pack(">BBH", 13, 0, len(body)) + body)
    body = struct.pack(">QBBH", 9, 2, 1 << 1, 0) + b.id + struct.pack(">H", 7) + coords + a.id + struct.pack(">H", 7) + coords_of([])
    expect("ann", struct.pack(">BBH", 2, 0, len(body)) + body)
    token = 20 * b"\x1e"
    kad = struct.pack(">BBBB", 2, 4, 1, 0) + 16 * b"\x0f" + token + b.id + record
    ext = struct.pack(">BBBBHBBQ", 5, 4, 0, 0, 0, 0, 0, 0) + bytes(2) + bytes(2)
    head = struct.pack(">IHBB", 0xc0600000, len(ext) + len(kad), 43, 255) + a.id + b.id
    stack = b"".join(struct.pack(">I", label << 12 | 6 << 9 | bottom << 8 | 255) for label, bottom in ((1, 0), (0x54321, 0), (13, 1)))
    expect("find.packet", stack + bytes.fromhex("10007ff8") + head + ext + kad)
    heard = exq_filter(2, 0x01020304, ((a.id, 3), (b.id, 4)))
    expect("exq.filter", heard)
    contacts = [b.id + struct.pack(">QB", 4, 0), a.id + struct.pack(">QB", 3, 1) + b.id[:8] + coords]

    nonce = bytes(range(1, 17))
    shared = X25519PrivateKey.from_private_bytes(a.xs).exchange(X25519PublicKey.from_public_bytes(b.x))
    pair = hmac.new(hmac.new(b"IPvCoyo contact 1", shared, hashlib.blake2b).digest(), b"\x01", hashlib.blake2b).digest()[:32]
    expect("pair.key", pair)

    def kademlia(op, flags, count, before_record):
        m = struct.pack(">BBBB", 2, op, flags, count) + nonce + (token if flags & 1 else b"")
        m += before_record + (record if op != 6 else b"") + b"".join(contacts[:count])
        return m + (blake(a.id + b.id + m, 16, pair) if flags & 2 else b"")

    expect("retry.message", kademlia(6, 1, 0, b""))
    expect("update.message", kademlia(3, 1 | 2, 0, b""))
    expect("exq.message", kademlia(1, 0, 1, struct.pack(">QB", 1 << 63 | 1 << 2 | 1 << 0, 2) + heard))
    expect("exr.message", kademlia(2, 1 | 2 | 8, 2, b""))
    expect("found.message", kademlia(5, 1 | 2 | 4, 2, b""))
    total = sum(struct.unpack(">64H", a.id + b.id))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    expect("pseudo.ids_sum", struct.pack(">H", total))


def main():
    a, b = Node("a"), Node("b")
    handshakes(a, b)
    messages(a, b)
    left = set(doc) - used - {"cookie.reply"}  # XChaCha20-Poly1305 is in no Python package at hand
    if left:
        sys.exit("not made by the twin: %s" % ", ".join(sorted(left)))
    print("%d vectors made again" % checked)


main()
