"""How a bind is encrypted: one context a bind, made once, and a clear word about the file that is wrong."""

from __future__ import annotations

import ssl
from pathlib import Path

from sms.errors import TlsError
from sms.operators import Tls


def context_of(tls: Tls) -> ssl.SSLContext:
    """Answer the context that every connection of a bind uses. TLS 1.2 at least, the other side always verified.

    Raises:
        TlsError: a file is missing, unreadable or of the wrong kind; it says which and how to mend it.
    """
    if tls.key_file and not tls.cert_file:
        raise TlsError("key_file", tls.key_file, "a key without its certificate", "name the certificate in cert_file")
    try:
        context = ssl.create_default_context(cafile=_seen("ca_file", tls.ca_file) or None)
    except ssl.SSLError as error:
        reason = f"no certificate authority can be read from it ({_word(error)})"
        raise TlsError("ca_file", tls.ca_file, reason, "give PEM certificates of the operator's authority") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.cert_file:
        _load_certificate(context, tls)
    return context


def _load_certificate(context: ssl.SSLContext, tls: Tls) -> None:
    _seen("cert_file", tls.cert_file)
    key_file = _seen("key_file", tls.key_file) or tls.cert_file
    try:
        # A key that asks for a passphrase would stop the start at a prompt: an empty one makes it an error instead.
        context.load_cert_chain(tls.cert_file, key_file, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            fault = ("key_file", key_file, f"it is not the key of {tls.cert_file}", "give the key of that certificate")
        elif "-----BEGIN CERTIFICATE-----" not in _text(tls.cert_file):
            fault = ("cert_file", tls.cert_file, "it holds no certificate", "give a PEM certificate chain")
        elif "ENCRYPTED" in _text(key_file):
            fault = (
                "key_file",
                key_file,
                "it is locked by a passphrase",
                "give a key without one that only we can read",
            )
        elif "PRIVATE KEY-----" not in _text(key_file):
            fault = ("key_file", key_file, "it holds no private key", "give the PEM key of the certificate")
        else:
            fault = ("cert_file", tls.cert_file, f"it cannot be used ({_word(error)})", "check it with openssl x509")
        raise TlsError(*fault) from None


def _seen(key: str, name: str) -> str:
    """Answer ``name`` when it can be read, or is not given."""
    if not name:
        return name
    try:
        with Path(name).open("rb") as file:
            file.read(1)
    except OSError as error:
        mend = "check the path" if isinstance(error, FileNotFoundError) else "let the server's user read it"
        raise TlsError(key, name, error.strerror or "it cannot be read", mend) from None
    return name


def _text(name: str) -> str:
    return Path(name).read_text("latin-1")


def _word(error: ssl.SSLError) -> str:
    return (error.reason or "not PEM").lower().replace("_", " ")
