"""What doctor and check say of the way to operators: real certificates, real ports, no operator."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tellerline.config import Config, Sms
from tellerline.texts.advice import advice_on, is_private
from tellerline.texts.doctor import Look, looks


def certificate(folder: Path, days: int) -> tuple[str, str]:
    """Make a certificate for 127.0.0.1 that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "operator")])
    alternatives = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=100))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(alternatives, critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / f"{days}.pem", folder / f"{days}.key"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key_file.write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    key_file.chmod(0o640)
    return str(cert_file), str(key_file)


@contextlib.contextmanager
def listening(files: tuple[str, str] | None = None) -> Iterator[int]:
    """Listen for one connection, with TLS where there are files; answer the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    if files is not None:
                        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                        context.load_cert_chain(*files)
                        with context.wrap_socket(connection, server_side=True) as encrypted:
                            encrypted.recv(1)

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
    thread.join(timeout=10)


def found(port: int, tls: object = None) -> list[Look]:
    config = Config(
        sms=Sms.model_validate({"host": "127.0.0.1", "port": port, "password": "x", "tls": tls, "receipts": True})
    )
    return list(looks(config))


def test_a_bind_that_answers_is_well_and_one_that_does_not_is_missing() -> None:
    with listening() as port:
        (look,) = found(port)
        assert (look.what, look.well) == ("SMSC main/main", True)
    (look,) = found(port)
    assert look.well is False
    assert "refused" in look.detail.lower()


@pytest.mark.parametrize(
    ("days", "well", "words"), [(365, True, "is good until"), (10, None, "its certificate ends on")]
)
def test_an_operators_certificate_that_ends_soon_is_told(
    tmp_path: Path, days: int, well: bool | None, words: str
) -> None:
    files = certificate(tmp_path, days)
    with listening(files) as port:
        (look,) = found(port, {"ca_file": files[0]})
    assert look.well is well
    assert words in look.detail


def test_an_operator_whose_certificate_nobody_vouches_for_is_missing(tmp_path: Path) -> None:
    with listening(certificate(tmp_path, 365)) as port:
        (look,) = found(port, True)
    assert look.well is False
    assert "self" in look.detail
    assert "ca_file" in look.mend


@pytest.mark.parametrize(("days", "well"), [(365, True), (10, None), (-1, False)])
def test_our_own_certificate_is_looked_at_before_the_operator_does(
    tmp_path: Path, days: int, well: bool | None
) -> None:
    cert_file, key_file = certificate(tmp_path, days)
    Path(key_file).chmod(0o644)
    with listening() as port:
        first, second, *_ = found(port, {"cert_file": cert_file, "key_file": key_file})
    assert (first.what, first.well) == ("SMSC main/main certificate", well)
    assert (second.well, second.mend) == (False, f"chmod o= {key_file}")


def test_a_name_that_nobody_knows_is_told() -> None:
    config = Config(sms=Sms(host="smsc.invalid", tls=None, receipts=True))
    look = list(looks(config))[-1]
    assert look.well is False
    assert "smsc.invalid is not found" in look.detail


# --- settings ---


@pytest.mark.parametrize(
    ("sms", "words"),
    [
        ({"host": "203.0.114.9", "password": "x"}, "in the clear"),
        ({"host": "127.0.0.1"}, "has no password"),
        ({"host": "127.0.0.1", "password": "x"}, "asked for receipts"),
        ({"host": "127.0.0.1", "password": "x", "per_second": 0.1}, "one part in 10 s"),
        ({"operators": [{"name": "n", "senders": ["OTHER"], "binds": [{"host": "h"}]}]}, "no answer goes by it"),
        ({"operators": [{"name": "n", "prefixes": ["+34"], "binds": [{"host": "h"}]}]}, "no operator serves +86"),
        ({"operators": [{"name": "n", "prefixes": ["+86"], "binds": [{"host": "h"}]}]}, "numbers beside +86"),
        ({"operators": [{"name": "n", "validity_s": {"code": 9999}, "binds": [{"host": "h"}]}]}, "worth nothing after"),
    ],
)
def test_settings_that_are_perhaps_not_meant_are_told(sms: dict[str, object], words: str) -> None:
    told = [advice.problem for advice in advice_on(Config(sms=Sms.model_validate(sms)))]
    assert any(words in problem for problem in told), told


def test_what_is_in_order_is_not_talked_about() -> None:
    sms = Sms(host="10.0.0.1", password="x", receipts=True)  # type: ignore[arg-type]  # as the file has it
    assert list(advice_on(Config(sms=sms))) == []
    assert list(advice_on(Config())) == []
    assert is_private("localhost")
    assert not is_private("smsc.example.org")
