"""The call that the AGI benchmark makes: a balance, thirteen commands, and what the caller does meanwhile."""

from __future__ import annotations

ANY_KEY = "0123456789*#"
PIN_DIGITS = 6
BALANCE_TURNS = (
    ("welcome",),
    ("main_options",),
    ("enter_pin",),
    ("your_balance_is", "n/12000", "n/345", "yuan_6_jiao_7"),
)
BALANCE: tuple[tuple[str, ...], ...] = (
    ("STREAM FILE", "zh/welcome", ANY_KEY),
    ("STREAM FILE", "zh/main_options", ANY_KEY),
    ("STREAM FILE", "zh/enter_pin", ANY_KEY),
    *[("WAIT FOR DIGIT", "3000")] * (PIN_DIGITS - 1),
    *[("STREAM FILE", f"zh/{prompt}", ANY_KEY) for prompt in BALANCE_TURNS[-1]],
    ("SET VARIABLE", "TELLERLINE_COMPLETED", "1"),
)
REPLIES: tuple[bytes, ...] = (
    b"200 result=0 endpos=21760\n",
    b"200 result=49 endpos=30400\n",  # 1
    b"200 result=55 endpos=9600\n",  # 7 3 9 1 5 4
    b"200 result=51\n",
    b"200 result=57\n",
    b"200 result=49\n",
    b"200 result=53\n",
    b"200 result=52\n",
    *[b"200 result=0 endpos=9600\n"] * len(BALANCE_TURNS[-1]),
    b"200 result=1\n",
)
LINE = b"+8613900000001"
HEADER = b"".join(
    b"%s: %s\n" % (key, value)
    for key, value in (
        (b"agi_network", b"yes"),
        (b"agi_network_script", b"tellerline"),
        (b"agi_request", b"agi://127.0.0.1:4573/tellerline"),
        (b"agi_channel", b"PJSIP/trunk-00000001"),
        (b"agi_language", b"en"),
        (b"agi_type", b"PJSIP"),
        (b"agi_uniqueid", b"1795436627.1"),
        (b"agi_version", b"22.10.1"),
        (b"agi_callerid", LINE),
        (b"agi_calleridname", b"unknown"),
        (b"agi_callingpres", b"0"),
        (b"agi_callingani2", b"0"),
        (b"agi_callington", b"0"),
        (b"agi_callingtns", b"0"),
        (b"agi_dnid", b"95500"),
        (b"agi_rdnis", b"unknown"),
        (b"agi_context", b"tellerline"),
        (b"agi_extension", b"95500"),
        (b"agi_priority", b"2"),
        (b"agi_enhanced", b"0.0"),
        (b"agi_accountcode", b""),
        (b"agi_threadid", b"139632838342336"),
    )
) + b"\n"  # fmt: skip
