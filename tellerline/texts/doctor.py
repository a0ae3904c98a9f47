"""Looks at the way to every operator: does it resolve, connect, encrypt, and for how long are the certificates good."""

from __future__ import annotations

import datetime
import socket
import ssl
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from sms.binds.tls import context_of
from sms.errors import TlsError
from sms.operators import BindSettings, Operator, Tls
from tellerline.config import Config
from tellerline.operators import operators_of
from tellerline.texts.advice import advice_on

CONNECT_TIMEOUT_S = 3.0
SOON_DAYS = 30  # an operator takes weeks to sign a new certificate


@dataclass(frozen=True, slots=True)
class Look:
    """One thing looked at. ``well`` None: it works, and somebody should know."""

    what: str
    well: bool | None
    detail: str
    mend: str = ""


def _utc() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def looks(config: Config, now: Callable[[], datetime.datetime] = _utc) -> Iterator[Look]:
    """Look at the settings, then at every bind of every operator."""
    operators = operators_of(config.sms)
    if not operators:
        mend = "Set sms.host, sms.port and the password, or write [[sms.operators]]."
        yield Look("SMSC", None, "none configured: calls only", mend)
        return
    for advice in advice_on(config):
        yield Look("SMS settings", None, advice.problem, advice.mend)
    for operator in operators:
        for bind in operator.binds:
            yield from _bind(operator, bind, now())


def _bind(operator: Operator, bind: BindSettings, now: datetime.datetime) -> Iterator[Look]:
    what = f"SMSC {operator.name}/{bind.name}"
    context = None
    if bind.tls is not None:
        try:
            context = context_of(bind.tls)
        except TlsError as error:
            yield Look(what, False, str(error), "Mend the file; see `tellerline config show`.")
            return
        yield from _own_certificate(what, bind.tls, now)
    place = f"{bind.host}:{bind.port}"
    try:
        with socket.create_connection((bind.host, bind.port), timeout=CONNECT_TIMEOUT_S) as plain:
            if context is None or bind.tls is None:
                yield Look(what, True, f"{place} accepts connections")
                return
            with context.wrap_socket(plain, server_hostname=bind.tls.server_name or bind.host) as encrypted:
                octets = encrypted.getpeercert(binary_form=True)
                yield _theirs(what, place, encrypted.version() or "TLS", octets, now)
    except ssl.SSLCertVerificationError as error:
        mend = "Name the operator's authority in ca_file, or the certificate's name in server_name."
        yield Look(what, False, f"{place}: {error.verify_message}", mend)
    except socket.gaierror as error:
        yield Look(what, False, f"{bind.host} is not found: {error.strerror}", "Mend the host, or the name server.")
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or str(error) or "no answer"
        yield Look(what, False, f"{place}: {reason}", "Ask the operator; is our address on its list?")


def _theirs(what: str, place: str, version: str, octets: bytes | None, now: datetime.datetime) -> Look:
    if octets is None:
        return Look(what, False, f"{place} shows no certificate", "Ask the operator.")
    ends = x509.load_der_x509_certificate(octets).not_valid_after_utc
    left = (ends - now).days
    if left < SOON_DAYS:
        mend = "Ask the operator for its next one."
        return Look(what, None, f"{place}: its certificate ends on {ends:%Y-%m-%d}", mend)
    return Look(what, True, f"{place} accepts {version}, its certificate is good until {ends:%Y-%m-%d}")


def _own_certificate(what: str, tls: Tls, now: datetime.datetime) -> Iterator[Look]:
    if not tls.cert_file:
        return
    certificates = x509.load_pem_x509_certificates(Path(tls.cert_file).read_bytes())
    ends = min(one.not_valid_after_utc for one in certificates)
    mend = "Have a new one signed, and put it into cert_file."
    if ends <= now:
        yield Look(f"{what} certificate", False, f"{tls.cert_file} ended on {ends:%Y-%m-%d}", mend)
    elif (ends - now).days < SOON_DAYS:
        yield Look(f"{what} certificate", None, f"{tls.cert_file} ends on {ends:%Y-%m-%d}", mend)
    else:
        yield Look(f"{what} certificate", True, f"{tls.cert_file} is good until {ends:%Y-%m-%d}")
    key = Path(tls.key_file or tls.cert_file)
    mode = stat.S_IMODE(key.stat().st_mode)
    if mode & 0o007:
        yield Look(f"{what} key", False, f"{key} is open to everybody ({mode:o})", f"chmod o= {key}")
