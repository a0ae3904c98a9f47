"""The operators of the settings, as the gateway wants them: values only."""

from __future__ import annotations

from types import MappingProxyType

from core_client.domain.secret import Secret
from sms.operators import BindSettings, Operator, Tls
from sms.smpp import Limits
from tellerline.config_operators import BindConfig, OperatorConfig, TlsFiles
from tellerline.config_sms import Sms

MAIN = "main"  # the one operator, and its one bind, of the simple keys in [sms]
_VERSIONS = MappingProxyType({"3.3": 0x33, "3.4": 0x34, "5.0": 0x50})


def operators_of(sms: Sms) -> tuple[Operator, ...]:
    """Answer the operators and their binds; none where there is no SMS."""
    if sms.operators:
        return tuple(_operator(sms, operator) for operator in sms.operators)
    if sms.host is None:
        return ()
    bind = BindConfig(
        name=MAIN,
        host=sms.host,
        port=sms.port,
        system_id=sms.system_id,
        password=sms.password,
        system_type=sms.system_type,
        tls=sms.tls,
        per_second=sms.per_second,
    )
    return (_operator(sms, OperatorConfig(name=MAIN, binds=(bind,), receipts=sms.receipts)),)


def _operator(sms: Sms, operator: OperatorConfig) -> Operator:
    return Operator(
        name=operator.name,
        binds=tuple(_bind(sms, bind) for bind in operator.binds),
        prefixes=operator.prefixes,
        cost=operator.cost,
        senders=operator.senders,
        alphabets=operator.alphabets,
        national=operator.national,
        long_texts=operator.long_texts,
        receipts=operator.receipts,
        receipt_ids=operator.receipt_ids,
        ton_npi=MappingProxyType({str(kind): pair for kind, pair in operator.ton_npi.items()}),
        tlvs=tuple((tlv.tag, tlv.octets) for tlv in operator.tlvs),
        service_type=operator.service_type,
        priority=MappingProxyType(dict(operator.priority)),
        validity_s=MappingProxyType(dict(operator.validity_s)),
    )


def _bind(sms: Sms, bind: BindConfig) -> BindSettings:
    return BindSettings(
        name=bind.name,
        host=bind.host,
        port=bind.port,
        system_id=bind.system_id,
        password=Secret(bind.password.get_secret_value()),
        mode=bind.mode,
        system_type=bind.system_type,
        version=_VERSIONS[bind.version],
        addr_ton=bind.addr_ton,
        addr_npi=bind.addr_npi,
        address_range=bind.address_range,
        tls=_tls(bind.tls),
        single=bind.single,
        limits=Limits(
            window=bind.window or sms.window,
            response_timeout_s=bind.response_timeout_s or sms.response_timeout_s,
            session_init_timeout_s=bind.bind_timeout_s or sms.bind_timeout_s,
            enquire_link_interval_s=bind.enquire_link_s or sms.enquire_link_s,
        ),
        per_second=bind.per_second,
        connect_timeout_s=bind.connect_timeout_s or sms.connect_timeout_s,
        backoff_first_s=bind.reconnect_first_s or sms.reconnect_first_s,
        backoff_max_s=bind.reconnect_most_s or sms.reconnect_most_s,
    )


def _tls(files: TlsFiles | None) -> Tls | None:
    if files is None:
        return None
    return Tls(
        ca_file=str(files.ca_file or ""),
        cert_file=str(files.cert_file or ""),
        key_file=str(files.key_file or ""),
        server_name=files.server_name,
    )
