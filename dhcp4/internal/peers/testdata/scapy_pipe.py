"""Reads and writes DHCP packets with scapy, for scapy_test.go.

A line on standard input is answered with one line of JSON:

    sizes            octets of a value, by code, of the options scapy knows a type for
    build SEED       a random packet and what is in it
    read HEX         what is in the packet
"""
import json
import logging
import random
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.fields import ByteEnumField, ByteField, IntField, IPField, ShortField
from scapy.layers.dhcp import (BOOTP, DHCP, DHCPOptions, DHCPOptionsField,
                               dhcpmagic)

WIRE = DHCPOptionsField("options", b"")
NUMBERS = {IntField: 4, ShortField: 2, ByteField: 1, ByteEnumField: 1}
BY_NAME = {f if isinstance(f, str) else f.name: code for code, f in DHCPOptions.items()}
OVERLOAD = 52


def size(code):
    """Octets of one value of the option; 0 if scapy knows no type of fixed size."""
    field = DHCPOptions.get(code)
    return 4 if type(field) is IPField else NUMBERS.get(type(field), 0)


def payload(option):
    """The octets of an option as scapy writes them."""
    return WIRE.i2m(None, [option])[2:] if len(option) > 1 else b""


def describe(packet):
    """What scapy reads in packet; options that come in parts are joined."""
    boot = BOOTP(packet)
    parts, values = {}, {}
    for option in boot[DHCP].options:
        if option == "end":
            break
        if option == "pad":
            continue
        if not isinstance(option, tuple):
            return {"error": "scapy cannot read " + repr(option)}
        code = option[0] if isinstance(option[0], int) else BY_NAME[option[0]]
        parts[code] = parts.get(code, b"") + payload(option)
        if size(code):
            values[code] = [str(v) for v in option[1:]]
    return content(boot, boot.sname, boot.file, parts, values)


def content(boot, sname, file, parts, values):
    return {
        "op": boot.op, "htype": boot.htype, "hops": boot.hops, "xid": boot.xid,
        "secs": boot.secs, "flags": int(boot.flags),
        "ciaddr": boot.ciaddr, "yiaddr": boot.yiaddr, "siaddr": boot.siaddr, "giaddr": boot.giaddr,
        "chaddr": bytes(boot.chaddr)[:boot.hlen].hex(),
        "sname": sname.split(b"\0")[0].hex(), "file": file.split(b"\0")[0].hex(),
        "options": [{"code": c, "data": d.hex(), "values": values.get(c)} for c, d in parts.items()],
    }


def random_address(r):
    return ".".join(str(r.randrange(256)) for _ in range(4))


def random_route(r):
    bits = r.randrange(33)
    mask = (0xffffffff << (32 - bits)) & 0xffffffff
    dest = r.getrandbits(32) & mask
    dotted = ".".join(str(dest >> s & 255) for s in (24, 16, 8, 0))
    return "%s/%d:%s" % (dotted, bits, random_address(r))


def random_option(r, code, room):
    """A tuple of the option's name or code and its values, with at most room octets of payload."""
    field = DHCPOptions.get(code)
    name = code if field is None else field if isinstance(field, str) else field.name
    if type(field) is IPField:
        return (name, *(random_address(r) for _ in range(r.randint(1, max(1, min(room // 4, 8))))))
    if type(field) in NUMBERS:
        n = NUMBERS[type(field)]
        return (name, *(r.getrandbits(8 * n) for _ in range(r.randint(1, max(1, min(room // n, 3))))))
    if code == 55:
        return (name, [r.randrange(256) for _ in range(r.randint(1, min(room, 40)))])
    if code == 121:
        return (name, [random_route(r) for _ in range(r.randint(1, max(1, min(room // 9, 5))))])
    octets = min(room, r.choice((0, 1, 2, 7, 30, 255)))
    return (name, r.randbytes(octets))


def random_options(r, room, codes):
    """Options that fill at most room octets."""
    options = []
    while r.random() < 0.9:
        option = random_option(r, r.choice(codes), min(room - 2, 255))
        room -= 2 + len(payload(option))
        if room < 12:  # the longest that random_option makes, whatever the room, and End
            break
        options.append(option)
        if r.random() < 0.1:
            options.append("pad")
            room -= 1
    return options


def build(seed):
    r = random.Random(seed)
    # Few codes, so that some options come in several parts.
    codes = r.sample([c for c in range(1, 255) if c != OVERLOAD], 8)
    fields = {
        "options": random_options(r, 2000, codes),
        "file": random_options(r, 128, codes),
        "sname": random_options(r, 64, codes),
    }
    overload = r.choice((0, 0, 1, 2, 3))
    sname = bytes(r.randint(1, 255) for _ in range(r.randrange(65)))
    file = bytes(r.randint(1, 255) for _ in range(r.randrange(129)))
    used = ["options"]
    raw = {"file": file, "sname": sname}
    for bit, name, length in ((1, "file", 128), (2, "sname", 64)):
        if overload & bit:
            used.append(name)
            raw[name] = WIRE.i2m(None, fields[name] + ["end"]).ljust(length, b"\0")
    listed = list(fields["options"])
    if overload:
        listed.insert(r.randint(0, len(listed)), ("dhcp-option-overload", overload))
    listed.append("end")
    hlen = r.randrange(17)
    boot = BOOTP(
        op=r.randrange(256), htype=r.randrange(256), hlen=hlen, hops=r.randrange(256),
        xid=r.getrandbits(32), secs=r.getrandbits(16), flags=r.getrandbits(16),
        ciaddr=random_address(r), yiaddr=random_address(r), siaddr=random_address(r), giaddr=random_address(r),
        chaddr=r.randbytes(hlen).ljust(16, b"\0"), sname=raw["sname"], file=raw["file"], options=dhcpmagic)
    packet = bytes(boot / DHCP(options=listed)) + r.choice((b"", b"\0" * 60, r.randbytes(9)))

    parts, values = {}, {}
    for name in used:
        for option in fields[name]:
            if option == "pad":
                continue
            code = option[0] if isinstance(option[0], int) else BY_NAME[option[0]]
            parts[code] = parts.get(code, b"") + payload(option)
            if size(code):
                values.setdefault(code, []).extend(str(v) for v in option[1:])
    result = content(boot, b"" if overload & 2 else sname, b"" if overload & 1 else file, parts, values)
    result["packet"] = packet.hex()
    return result


def answer(command, argument=""):
    if command == "sizes":
        return {c: size(c) for c in DHCPOptions if size(c)}
    if command == "build":
        return build(int(argument))
    if command == "read":
        return describe(bytes.fromhex(argument))
    raise ValueError(command)


for line in sys.stdin:
    print(json.dumps(answer(*line.split())), flush=True)
