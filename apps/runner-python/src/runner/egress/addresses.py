"""Which addresses may be dialled without an operator's word."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

REFUSED_IPV4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
GLOBAL_IPV6 = IPv6Network("2000::/3")
"""Everything else is special: loopback, unique-local, link-local, multicast, NAT64."""

REFUSED_IPV6 = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))


def parse_address(text: str) -> Address | None:
    """None for what is no address, a zone included. An IPv4-mapped address is the IPv4 address inside it."""
    if "%" in text:
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_public(address: Address) -> bool:
    """May be dialled without an entry in EGRESS_ALLOW."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in REFUSED_IPV4)
    return address in GLOBAL_IPV6 and not any(address in network for network in REFUSED_IPV6)


def parse_network(text: str) -> Network | None:
    """None for what is no network, and for one with bits set behind its prefix."""
    base, _, prefix = text.partition("/")
    if "%" in base or not (prefix.isascii() and prefix.isdigit()):
        return None
    try:
        return ip_network(text)
    except ValueError:
        return None
