"""Outgoing HTTP for calls that tenants choose, by the rules of docs/reference/outgoing-http.md.

Everything about the target is judged before a byte is sent; the connection goes to exactly the judged address.
"""

from .client import METHODS, Answer, Egress, EgressRequest
from .credential import Credential
from .egress_allow import EgressAllow, parse_egress_allow
from .failures import EgressError

__all__ = ["METHODS", "Answer", "Credential", "Egress", "EgressAllow", "EgressError", "EgressRequest", "parse_egress_allow"]
