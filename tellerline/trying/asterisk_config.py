"""The configuration of a test Asterisk: the files of ``deploy/asterisk`` as they are, and a thin layer around them.

What a bank would write for its own site (addresses, ports, secrets) is written here for one folder on 127.0.0.1; what
only a test needs (a caller's legs, a manager user that sees AGI commands) is kept apart from it, below.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tellerline.errors import ParleyError

LINE_NUMBER = "95500"
MISSED_NUMBER = "95501"  # that nobody answers
DEPLOY_USER = "tellerline"  # the manager user of deploy/asterisk/manager.conf
WATCH_USER = "watcher"  # only in tests: sees AGI commands, places calls, presses keys
MAX_RTP_PORTS = 1000
NOTHING_LISTENS = "127.0.0.1:9"  # the discard port: refused at once, so that the dialplan finds no server


@dataclass(frozen=True, slots=True)
class Site:
    """What differs from one Asterisk to the next."""

    folder: Path
    modules: Path
    data: Path
    ami_port: int
    sip_port: int
    rtp_start: int
    servers: Sequence[str] = (NOTHING_LISTENS,)
    sounds: Path | None = None  # what Asterisk finds as tellerline/...
    verbose: int = 0  # 3: everything that the console would show goes into the log, as an operator might have it
    agents: str | None = None  # in place of deploy's agents.conf: the extensions of the queues
    deploy_secret: str = field(default_factory=lambda: secrets.token_hex(16))
    watch_secret: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def etc(self) -> Path:
        """The configuration folder."""
        return self.folder / "etc"

    @property
    def messages(self) -> Path:
        """Where callers' messages are kept."""
        return self.folder / "spool" / "tellerline"

    @property
    def log(self) -> Path:
        """Where the logs are."""
        return self.folder / "log"


def deploy_folder() -> Path:
    """Answer ``deploy/asterisk``: inside the installed package, or beside it in a checkout.

    Raises:
        ParleyError: neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_deploy" / "asterisk", package.parent / "deploy" / "asterisk"):
        if (folder / "extensions.conf").is_file():
            return folder
    raise ParleyError(
        "deploy/asterisk is missing from this installation.\n  mend: install the wheel or a checkout anew"
    )


def write_configuration(site: Site) -> None:
    """Fill ``site.folder`` with all that Asterisk needs to start there and to write nowhere else."""
    for part in ("etc/tellerline", "lib/keys", "spool/tellerline", "run", "log", "data/sounds", "agi-bin"):
        (site.folder / part).mkdir(parents=True, exist_ok=True)
    _link_data(site)
    for file in sorted(deploy_folder().glob("*.conf")):
        shutil.copyfile(file, site.etc / "tellerline" / file.name)
    for name, text in {**_site_files(site), **_test_files(site)}.items():
        (site.etc / name).write_text(text)


def _link_data(site: Site) -> None:
    for name in ("documentation", "static-http", "phoneprov"):
        if (site.data / name).is_dir():
            (site.folder / "data" / name).symlink_to(site.data / name)
    # Debian's package has the English sounds under their own name only, without the `en` that Asterisk looks for.
    english = next((path for path in sorted((site.data / "sounds").glob("en*")) if path.is_dir()), None)
    if english is not None:
        (site.folder / "data" / "sounds" / "en").symlink_to(english.resolve())
    if site.sounds is not None:
        (site.folder / "data" / "sounds" / "tellerline").symlink_to(site.sounds.resolve())


def _site_files(site: Site) -> dict[str, str]:
    """What the bank's own people would write."""
    files = {
        "tellerline/globals.conf": (
            f"TELLERLINE_SERVERS={'&'.join(site.servers)}\n"
            f"TELLERLINE_NUMBER={LINE_NUMBER}\n"
            f"TELLERLINE_MISSED={MISSED_NUMBER}\n"
            "TELLERLINE_CLOSED=tellerline/zh/try_later&tellerline/en/try_later\n"
        ),
        "tellerline/manager_secret.conf": f"secret = {site.deploy_secret}\n",
        "asterisk.conf": _asterisk_conf(site),
        "extensions.conf": '#include "tellerline/extensions.conf"\n#include "test_extensions.conf"\n',
        "manager.conf": (
            f"[general]\nenabled = yes\nwebenabled = no\nbindaddr = 127.0.0.1\nport = {site.ami_port}\n"
            "timestampevents = yes\nallowmultiplelogin = yes\n"
            '#include "tellerline/manager.conf"\n#include "test_manager.conf"\n'
        ),
        "modules.conf": '#include "tellerline/modules.conf"\n#include "test_modules.conf"\n',
        "pjsip.conf": (
            f"[loopback]\ntype = transport\nprotocol = udp\nbind = 127.0.0.1:{site.sip_port}\n"
            '#include "tellerline/pjsip.conf"\n#include "test_pjsip.conf"\n'
        ),
        "rtp.conf": (
            f"[general]\nrtpstart = {site.rtp_start}\nrtpend = {site.rtp_start + MAX_RTP_PORTS - 1}\nicesupport = no\n"
        ),
    }
    if site.agents is not None:
        files["tellerline/agents.conf"] = site.agents
    return files


def _asterisk_conf(site: Site) -> str:
    at = site.folder
    return f"""\
[directories]
astetcdir => {site.etc}
astmoddir => {site.modules}
astvarlibdir => {at}/lib
astdbdir => {at}/lib
astkeydir => {at}/lib
astdatadir => {at}/data
astagidir => {at}/agi-bin
astspooldir => {at}/spool
astrundir => {at}/run
astlogdir => {at}/log

[options]
nofork = yes
nocolor = yes
; An Asterisk without a network card (in a network namespace) has nothing to derive it from.
entityid = 00:00:00:00:00:01
verbose = {site.verbose}
"""


def _test_files(site: Site) -> dict[str, str]:
    """What no bank would have: callers."""
    level = f",verbose({site.verbose})" if site.verbose else ""
    return {
        "logger.conf": f'#include "tellerline/logger.conf"\n[logfiles](+)\nfull => notice,warning,error{level}\n',
        "test_modules.conf": "[modules](+)\n"
        + "".join(
            f"load = {module}.so\n"
            # what a caller's leg and the recorded fixture of answers need, and nothing of it the bank's line
            for module in (
                "res_audiosocket",
                "app_audiosocket",
                "app_senddtmf",
                "app_read",
                "app_record",
                "app_userevent",
                "res_speech",
                "res_musiconhold",
                "res_clioriginate",
            )
        ),
        "test_manager.conf": (
            f"\n[{WATCH_USER}]\nsecret = {site.watch_secret}\ndeny = 0.0.0.0/0.0.0.0\n"
            "permit = 127.0.0.1/255.255.255.255\nread = system,call,agi,user\n"
            "write = system,call,originate,command\n"
        ),
        # Everything that comes from loopback is the carrier: sipp, and this Asterisk's own caller legs.
        "test_pjsip.conf": f"""
[carrier](tellerline-trunk)
[carrier]
type = identify
endpoint = carrier
match = 127.0.0.1

[caller]
type = endpoint
context = test-nowhere
disallow = all
allow = ulaw
dtmf_mode = rfc4733
direct_media = no
aors = caller
[withheld](caller)
from_user = anonymous
from_domain = anonymous.invalid
[caller]
type = aor
contact = sip:127.0.0.1:{site.sip_port}
""",
        "test_extensions.conf": """
[test-nowhere]
exten => _X!,1,Hangup(1)

[test-ear]
; A caller's own leg: what the caller hears goes, as it arrives, to whoever listens at the address.
exten => s,1,AudioSocket(${EAR_ID},${EAR_ADDRESS})
 same => n,Hangup(16)

[test-wait]
exten => s,1,Answer()
 same => n,Wait(3600)

[test-talk]
; A caller's own leg that says TALK, and then nothing more.
exten => s,1,Answer()
 same => n,Playback(${TALK})
 same => n,Wait(3600)
""",
    }
