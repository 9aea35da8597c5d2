"""X.509 certificates of the tests' own, ECDSA over P-256, made without any library."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_SHA256_ECDSA, _EC, _P256 = "2a8648ce3d040302", "2a8648ce3d0201", "2a8648ce3d030107"
_COMMON_NAME, _ALT_NAME, _CONSTRAINTS = "550403", "551d11", "551d13"

_Point = tuple[int, int] | None


@dataclass(frozen=True)
class Certificate:
    """PEM texts, and the number behind the key."""

    name: str
    cert: str
    key: str
    secret: int


def make_certificate(name: str, names: Sequence[str] = (), issuer: Certificate | None = None, *, is_authority: bool = False, valid_days: int = 365) -> Certificate:
    """Signed by the issuer, or by itself. The days count from ten days ago."""
    secret = secrets.randbelow(_N - 1) + 1
    x, y = _times(secret, _G) or _G
    point = b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")
    begins = datetime.now(timezone.utc) - timedelta(days=10)
    to_be_signed = _sequence(
        _tagged(0xA0, _integer(2)),
        _integer(secrets.randbits(64) + 1),
        _sequence(_oid(_SHA256_ECDSA)),
        _name(issuer.name if issuer else name),
        _sequence(_time(begins), _time(begins + timedelta(days=valid_days))),
        _name(name),
        _sequence(_sequence(_oid(_EC), _oid(_P256)), _tagged(0x03, b"\0" + point)),
        _tagged(0xA3, _sequence(*_extensions(names, is_authority))),
    )
    signature = _sign(to_be_signed, issuer.secret if issuer else secret)
    der = _sequence(to_be_signed, _sequence(_oid(_SHA256_ECDSA)), _tagged(0x03, b"\0" + signature))
    private = _sequence(_integer(1), _tagged(0x04, secret.to_bytes(32, "big")), _tagged(0xA0, _oid(_P256)), _tagged(0xA1, _tagged(0x03, b"\0" + point)))
    return Certificate(name, _pem("CERTIFICATE", der), _pem("EC PRIVATE KEY", private), secret)


def _extensions(names: Sequence[str], is_authority: bool) -> list[bytes]:
    alternatives = [_tagged(0x87, ipaddress.ip_address(name).packed) if name[0].isdigit() else _tagged(0x82, name.encode()) for name in names]
    extensions = [_sequence(_oid(_ALT_NAME), _tagged(0x04, _sequence(*alternatives)))] if names else []
    if is_authority:
        extensions.append(_sequence(_oid(_CONSTRAINTS), _tagged(0x04, _sequence(_tagged(0x01, b"\xff")))))
    return extensions


def _sign(message: bytes, secret: int) -> bytes:
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    while True:
        nonce = secrets.randbelow(_N - 1) + 1
        r = (_times(nonce, _G) or _G)[0] % _N
        s = pow(nonce, -1, _N) * (digest + r * secret) % _N
        if r and s:
            return _sequence(_integer(r), _integer(s))


def _add(a: _Point, b: _Point) -> _Point:
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % _P == 0:
        return None
    slope = (3 * a[0] ** 2 - 3) * pow(2 * a[1], -1, _P) if a == b else (b[1] - a[1]) * pow(b[0] - a[0], -1, _P)
    x = (slope**2 - a[0] - b[0]) % _P
    return x, (slope * (a[0] - x) - a[1]) % _P


def _times(factor: int, point: _Point) -> _Point:
    total: _Point = None
    while factor:
        if factor & 1:
            total = _add(total, point)
        point, factor = _add(point, point), factor >> 1
    return total


def _name(name: str) -> bytes:
    return _sequence(_tagged(0x31, _sequence(_oid(_COMMON_NAME), _tagged(0x0C, name.encode()))))


def _time(instant: datetime) -> bytes:
    return _tagged(0x18, instant.strftime("%Y%m%d%H%M%SZ").encode())


def _oid(digits: str) -> bytes:
    return _tagged(0x06, bytes.fromhex(digits))


def _integer(value: int) -> bytes:
    return _tagged(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _sequence(*parts: bytes) -> bytes:
    return _tagged(0x30, b"".join(parts))


def _tagged(tag: int, content: bytes) -> bytes:
    length = len(content)
    size = bytes([length]) if length < 0x80 else bytes([0x81, length]) if length < 0x100 else bytes([0x82, length >> 8, length & 0xFF])
    return bytes([tag]) + size + content


def _pem(label: str, der: bytes) -> str:
    text = base64.b64encode(der).decode()
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"
