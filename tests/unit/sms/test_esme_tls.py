"""A bind over TLS with real certificates: both sides prove who they are, and a wrong file is named."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from core_client.domain.secret import Secret
from sms.binds.esme import Esme, Respond
from sms.binds.tls import context_of
from sms.errors import TlsError
from sms.operators import BindSettings, Tls
from sms.smpp import Address, Message, Status
from sms.testing.fake_smsc import FakeSmsc

TEXT = Message(Address("95500", 0, 1), Address("8613900000001", 1, 1), b"hello")
NAME = "smsc.operator.test"


@dataclass
class Pair:
    """A certificate and its key, in files."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    cert_file: str
    key_file: str


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def make(folder: Path, common: str, issuer: Pair | None = None, *, names: tuple[str, ...] = ()) -> Pair:
    """Make a certificate: an authority's own without ``issuer``, else one signed by it."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common))
        .issuer_name(issuer.certificate.subject if issuer else _name(common))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer is not None:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        alternatives: list[x509.GeneralName] = [
            x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names
        ]
        builder = builder.add_extension(usage, critical=False)
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    certificate = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    cert_file, key_file = folder / f"{common}.pem", folder / f"{common}.key"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(_pem(key, serialization.NoEncryption()))
    return Pair(certificate, key, str(cert_file), str(key_file))


def _pem(key: ec.EllipticCurvePrivateKey, lock: serialization.KeySerializationEncryption) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


@dataclass
class Files:
    """What an operator and a bank have."""

    folder: Path
    authority: Pair
    centre: Pair
    bank: Pair
    stranger: Pair  # signed by nobody we know


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("tls")
    authority = make(folder, "authority")
    other = make(folder, "other authority")
    return Files(
        folder,
        authority,
        make(folder, "centre", authority, names=(NAME,)),
        make(folder, "bank", authority),
        make(folder, "stranger", other, names=(NAME,)),
    )


def ours(files: Files, **more: str) -> Tls:
    return Tls(files.authority.cert_file, files.bank.cert_file, files.bank.key_file, **{"server_name": NAME, **more})


@asynccontextmanager
async def centre(files: Files, pair: Pair | None = None, *, oldest: bool = False) -> AsyncIterator[FakeSmsc]:
    """A message centre that asks for the bank's certificate."""
    pair = pair or files.centre
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files.authority.cert_file)
    context.load_cert_chain(pair.cert_file, pair.key_file)
    context.verify_mode = ssl.CERT_REQUIRED
    if oldest:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with FakeSmsc(tls=context) as smsc:
        yield smsc


def bind_to(smsc: FakeSmsc, tls: Tls | None) -> Esme:
    def take(_message: Message, _link: str, respond: Respond) -> None:
        respond(Status.ROK)

    settings = BindSettings("one", "127.0.0.1", smsc.port, "tellerline", Secret("demo"), tls=tls, backoff_first_s=0.02)
    return Esme(settings, "north", take)


@pytest.mark.parametrize("oldest", [False, True])
async def test_texts_travel_both_ways_over_tls_with_certificates_of_both_sides(files: Files, oldest: bool) -> None:
    async with centre(files, oldest=oldest) as smsc, bind_to(smsc, ours(files)).running() as bind:
        await bind.wait_bound(5)
        assert await bind.submit(TEXT)
        await smsc.deliver("+8613900000001", "95500", "余额" * 200)
        assert smsc.deliveries == 6


async def _never_bound(smsc: FakeSmsc, tls: Tls | None) -> str:
    async with bind_to(smsc, tls).running(drain_s=0.1) as bind:
        while not bind.last_error:  # noqa: ASYNC110 - it has no event of its own
            await asyncio.sleep(0.005)
        assert smsc.binds == []
        assert not bind.bound
        return bind.last_error


async def test_a_centre_with_another_name_is_not_bound_to(files: Files) -> None:
    async with centre(files) as smsc:
        assert "other.operator.test" in await _never_bound(smsc, ours(files, server_name="other.operator.test"))


async def test_without_a_server_name_the_certificate_must_have_the_hosts(files: Files) -> None:
    async with centre(files) as smsc:
        assert "127.0.0.1" in await _never_bound(smsc, ours(files, server_name=""))
    at_address = make(files.folder, "at address", files.authority, names=("127.0.0.1",))
    async with centre(files, at_address) as smsc, bind_to(smsc, ours(files, server_name="")).running() as bind:
        await bind.wait_bound(5)


async def test_a_centre_of_an_unknown_authority_is_not_bound_to(files: Files) -> None:
    async with centre(files, files.stranger) as smsc:
        assert "certificate verify failed" in await _never_bound(smsc, ours(files))


async def test_the_systems_authorities_do_not_stand_for_an_operators(files: Files) -> None:
    async with centre(files) as smsc:
        assert "certificate verify failed" in await _never_bound(smsc, Tls(server_name=NAME))


async def test_a_centre_lets_nobody_in_without_the_certificate_it_wants(files: Files) -> None:
    async with centre(files) as smsc:
        assert await _never_bound(smsc, Tls(files.authority.cert_file, server_name=NAME))
        assert await _never_bound(smsc, None)


def test_nothing_older_than_tls_12_is_spoken(files: Files) -> None:
    context = context_of(ours(files))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_file_with_certificate_and_key_needs_no_second_one(files: Files) -> None:
    both = files.folder / "both.pem"
    both.write_text(Path(files.bank.cert_file).read_text() + Path(files.bank.key_file).read_text())
    context_of(Tls(files.authority.cert_file, str(both)))


def test_a_file_that_is_wrong_is_named_with_what_is_wrong_and_the_mend(files: Files) -> None:
    folder, bank = files.folder, files.bank
    words = folder / "words.pem"
    words.write_text("hello")
    locked = folder / "locked.key"
    locked.write_bytes(_pem(bank.key, serialization.BestAvailableEncryption(b"secret")))
    torn = folder / "torn.pem"
    torn.write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    authority, absent = files.authority.cert_file, str(folder / "absent.pem")
    wrong = [
        (Tls(absent), "ca_file", absent, "No such file"),
        (Tls(str(words)), "ca_file", str(words), "no certificate authority"),
        (Tls(str(torn)), "ca_file", str(torn), "no certificate authority"),
        (Tls(str(folder)), "ca_file", str(folder), "Is a directory"),
        (Tls(authority, absent, bank.key_file), "cert_file", absent, "No such file"),
        (Tls(authority, bank.cert_file, absent), "key_file", absent, "No such file"),
        (Tls(authority, "", bank.key_file), "key_file", bank.key_file, "without its certificate"),
        (Tls(authority, str(words), bank.key_file), "cert_file", str(words), "holds no certificate"),
        (Tls(authority, bank.cert_file, str(words)), "key_file", str(words), "holds no private key"),
        (Tls(authority, bank.cert_file), "key_file", bank.cert_file, "holds no private key"),
        (Tls(authority, bank.cert_file, str(locked)), "key_file", str(locked), "locked by a passphrase"),
        (Tls(authority, bank.cert_file, files.centre.key_file), "key_file", files.centre.key_file, "not the key of"),
        (Tls(authority, str(torn), bank.key_file), "cert_file", str(torn), "cannot be used"),
    ]
    for tls, key, file, reason in wrong:
        with pytest.raises(TlsError) as caught:
            context_of(tls)
        assert (caught.value.key, caught.value.file) == (key, file), caught.value
        assert reason in str(caught.value)
        assert caught.value.mend in str(caught.value)
        assert "secret" not in str(caught.value)


async def test_a_bind_with_a_wrong_file_is_not_even_made(files: Files) -> None:
    settings = BindSettings("one", "127.0.0.1", 1, "tellerline", Secret("demo"), tls=Tls(str(files.folder / "no.pem")))
    with pytest.raises(TlsError):
        Esme(settings, "north", lambda *_: None)
