"""Every setting: one frozen Struct read from the environment. `.env.example` is printed from it.

A variable's name is the field's in capitals: `DATABASE_URL`, `PORT`. A value may also come from a file named
by the same variable with `_FILE` behind it, so that secrets need not stand in the environment.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import msgspec
from msgspec import Meta

from tutti.tls import fingerprint


def about(text: str) -> Meta:
    """What a setting is for, as `.env.example` says it."""
    return Meta(description=text)


Rate = Annotated[int, Meta(ge=1)]


class BadSetting(ValueError):
    """A variable whose value cannot be used; the message names it and says what is expected."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How this Tutti is set up. Defaults are for one machine; every default is safe."""

    # where things are
    data_dir: Annotated[
        str, about("Folder for everything Tutti keeps; the embedded parts live in it too.")
    ] = "var"
    database_url: Annotated[str, about("PostgreSQL ≥ 16; empty: an embedded one.")] = ""
    redis_url: Annotated[str, about("Redis ≥ 6; empty: an embedded one.")] = ""
    redis_namespace: Annotated[str, about("Prefix of keys and channels, so that two may share a Redis.")] = (
        "tutti"
    )
    elasticsearch_url: Annotated[str, about("Elasticsearch 9; empty: PostgreSQL searches.")] = ""
    elasticsearch_index: Annotated[
        str,
        Meta(pattern="^[a-z][a-z0-9_-]{0,99}$"),
        about("Name of Tutti's indexes in it, so that two may share one."),
    ] = "tutti"
    storage_url: Annotated[
        str, about("Where music is kept: file:///folder or s3://bucket?endpoint=…; empty: DATA_DIR/media.")
    ] = ""
    smtp_url: Annotated[
        str, about("Mail: smtp://user:password@host:587 or smtps://…; empty: letters go to DATA_DIR/mail.")
    ] = ""
    mail_from: Annotated[str, about("Sender of letters.")] = "Tutti <tutti@localhost>"

    # people
    secret_key: Annotated[
        str,
        about(
            "At least 32 characters; seals keys and signs links. The same on every server. "
            "Empty: made at the first start and kept in DATA_DIR/keys/secret.key."
        ),
    ] = ""
    registration: Annotated[
        str,
        Meta(pattern="^(open|closed)$"),
        about("closed: only an administrator adds people (tutti user)."),
    ] = "open"
    password_min_length: Annotated[int, Meta(ge=8, le=64), about("Shortest password that is accepted.")] = 12
    session_idle_days: Annotated[int, Meta(ge=1, le=90), about("A sign-in unused for so long ends.")] = 30
    session_days: Annotated[int, Meta(ge=1, le=365), about("A sign-in ends after so long in any case.")] = 90

    # the server
    host: Annotated[str, about("Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535), about("Port to listen on.")] = 8800
    public_url: Annotated[
        str, about("The address people type, when it is not http(s)://HOST:PORT (behind a proxy, say).")
    ] = ""
    allowed_hosts: Annotated[
        str,
        about("Host names this server answers to, comma-separated; its own addresses are always among them."),
    ] = ""
    allowed_origins: Annotated[
        str, about("Other origins that may use the API and the socket, comma-separated; empty: none.")
    ] = ""
    trusted_proxies: Annotated[
        int, Meta(ge=0, le=10), about("How many proxies in front are trusted to tell X-Forwarded-For.")
    ] = 0
    tls_certificate: Annotated[str, about("PEM file; with TLS_KEY the server speaks https.")] = ""
    tls_key: Annotated[str, about("PEM file of the certificate's key.")] = ""
    plain_http: Annotated[bool, about("Allow the LAN without TLS; a banner says so on every page.")] = False
    event_loop: Annotated[str, Meta(pattern="^(uvloop|asyncio)$"), about("uvloop or asyncio.")] = "uvloop"
    log_level: Annotated[
        str, Meta(pattern="^(debug|info|warning|error)$"), about("debug, info, warning, error.")
    ] = "info"
    stop_notice_s: Annotated[
        float,
        Meta(ge=0, le=300),
        about(
            "Seconds in which /readyz says no and everything still works, before a server that stops closes "
            "its sockets: a little more than a balancer's interval."
        ),
    ] = 0
    metrics_public: Annotated[bool, about("Let anybody read /metrics, not only this machine.")] = False
    database_pool: Annotated[int, Meta(ge=1, le=200), about("Connections to PostgreSQL per process.")] = 10
    worker_threads: Annotated[int, Meta(ge=1, le=64), about("Jobs a worker does at the same time.")] = 4

    job_lease_s: Annotated[
        float,
        Meta(ge=0.5, le=3600),
        about("Seconds until somebody else may take the job of a silent worker."),
    ] = 60

    # limits, per protocol §1; a bench raises them by name
    rate_strangers_per_minute: Annotated[Rate, about("Requests without sign-in, per address.")] = 60
    rate_writes_per_minute: Annotated[Rate, about("Writes of a person.")] = 100
    rate_reads_per_minute: Annotated[Rate, about("Reads of a person.")] = 600
    rate_suggestions_per_second: Annotated[Rate, about("Suggestions of a person or address.")] = 20
    rate_commands_per_second: Annotated[
        Rate,
        about("Player and queue commands of a session; counted apart, whatever else its sockets ask."),
    ] = 30
    rate_commands_burst: Annotated[Rate, about("Player and queue commands of a session at once.")] = 90
    rate_sign_in_per_minute: Annotated[Rate, about("Sign-ins, resets and codes per account and address.")] = 5
    rate_socket_opens_session: Annotated[Rate, about("Sockets a session may open in a second.")] = 5
    rate_socket_opens_address: Annotated[
        Rate,
        about(
            "Sockets an address may open in a second; all guests of a bar are one address, and come at once."
        ),
    ] = 200
    sockets_per_person: Annotated[Rate, about("Sockets of one person at the same time.")] = 32
    sockets_per_stranger: Annotated[
        Rate, about("Sockets without sign-in of one address at the same time.")
    ] = 10
    streams_per_session: Annotated[Rate, about("Media, covers and pages at once per session.")] = 50
    socket_queue_messages: Annotated[Rate, about("Messages that may wait for a slow socket.")] = 256
    socket_queue_bytes: Annotated[Rate, about("Bytes that may wait for a slow socket.")] = 1_048_576

    # uploads
    upload_max_bytes: Annotated[int, Meta(ge=1), about("Largest file.")] = 2 * 1024**3
    upload_chunk_bytes: Annotated[
        int, Meta(ge=262_144, le=16_777_216), about("Chunk size when none is asked for.")
    ] = 8 * 1024**2
    upload_quota_bytes: Annotated[int, Meta(ge=1), about("Room for one person's music.")] = 50 * 1024**3
    uploads_receiving: Annotated[Rate, about("Chunks received at the same time per person.")] = 5
    uploads_waiting: Annotated[Rate, about("Unfinished uploads per person.")] = 10_000
    upload_idle_hours: Annotated[
        int, Meta(ge=1), about("An unfinished upload ends after this long without a chunk.")
    ] = 24
    storage_reserve_bytes: Annotated[int, Meta(ge=0), about("Uploads stop when less than this is free.")] = (
        2 * 1024**3
    )
    ingest_isolation: Annotated[
        str,
        Meta(pattern="^(allow|require)$"),
        about("require: refuse to read files where no sandbox can be had."),
    ] = "allow"

    @property
    def data(self) -> Path:
        """DATA_DIR as an absolute path."""
        return Path(self.data_dir).absolute()

    @property
    def uses_tls(self) -> bool:
        return bool(self.tls_certificate and self.tls_key)

    @property
    def tls_fingerprint(self) -> str | None:
        """SHA-256 of our certificate as a phone's dialogue shows it, for the page with the QR code."""
        return fingerprint(Path(self.tls_certificate)) if self.uses_tls else None

    @property
    def origins(self) -> list[str]:
        """ALLOWED_ORIGINS one by one."""
        return [item.strip().rstrip("/") for item in self.allowed_origins.split(",") if item.strip()]

    @property
    def is_secure(self) -> bool:
        """Whether people reach us by https, ours or a proxy's."""
        return self.public_url.startswith("https://") or (not self.public_url and self.uses_tls)

    @property
    def url(self) -> str:
        """The address people type, without a slash at its end."""
        scheme = "https" if self.uses_tls else "http"
        return self.public_url.rstrip("/") or f"{scheme}://{self.host}:{self.port}"


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the environment; raises BadSetting naming the variable at fault."""
    given = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        text = _given(given, field.name.upper())
        if text is not None and text != "":
            values[field.name] = _parsed(field.name, text, field.type)
    settings = Settings(**values)
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        raise BadSetting("TLS_CERTIFICATE and TLS_KEY go together; one of them is missing.")
    return settings


def _given(environment: Mapping[str, str], name: str) -> str | None:
    file = environment.get(f"{name}_FILE")
    if not file:
        return environment.get(name)
    try:
        return Path(file).read_text("utf-8").strip()
    except OSError as error:
        raise BadSetting(f"{name}_FILE cannot be read: {error.strerror}.") from None


def _parsed(name: str, text: str, kind: Any) -> Any:
    value: Any = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(text.lower(), text)
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadSetting(f"{name.upper()}={text!r} cannot be used: {error}.") from None


def example() -> str:
    """The text of .env.example: every setting with what it is for and its default."""
    lines = ["# Every setting of Tutti with its default. Copy to .env and change what you need.", ""]
    hints = get_type_hints(Settings, include_extras=True)
    for field in msgspec.structs.fields(Settings):
        default = str(field.default).lower() if isinstance(field.default, bool) else field.default
        lines += [f"# {_description(hints[field.name])}", f"#{field.name.upper()}={default}", ""]
    return "\n".join(lines)


def _description(hint: Any) -> str:
    texts = [item.description for item in get_args(hint) if isinstance(item, Meta) and item.description]
    return texts[0] if texts else ""
