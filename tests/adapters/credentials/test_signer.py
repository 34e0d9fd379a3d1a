"""Signing by every kind of key, read back by the library itself."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import c2pa
import pytest
from cryptography.hazmat.primitives.asymmetric.dsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from safelight.adapters.credentials.certificates import NewCertificate, new_certificate
from safelight.adapters.credentials.signer import C2paSigner, open_signer
from safelight.adapters.credentials.statement import COMPOSITE
from safelight.contract.errors import ConfigurationError
from safelight.contract.picture_files.provenance import DIGITAL_SOURCE_TYPE
from safelight.contract.picture_files.unsigned import unsigned
from safelight.service.ports.credentials import CannotSign, Statement
from tests.contract.test_unsigned import FORMATS, file_of

STATEMENT = Statement(model="postcard", fingerprint="f1", drawn_at="2026-11-27T20:00:00Z")


@pytest.fixture(scope="module")
def made() -> NewCertificate:
    return new_certificate("Northlight Press", 30)


def read(content: bytes, kind: str) -> dict[str, Any]:
    with c2pa.Reader(FORMATS[kind], io.BytesIO(content)) as reader:
        found: dict[str, Any] = json.loads(reader.json())
    return found


@pytest.mark.parametrize("kind", FORMATS)
def test_the_statement_is_in_the_file_and_comes_out_without_a_trace(kind: str, made: NewCertificate) -> None:
    content = file_of(kind)
    signed = C2paSigner(made.chain, made.key).signed(content, FORMATS[kind], STATEMENT)
    found = read(signed, kind)
    assert found["validation_state"] == "Valid"
    active = found["manifests"][found["active_manifest"]]
    actions, about = active["assertions"]
    assert actions["data"]["actions"][0]["digitalSourceType"] == DIGITAL_SOURCE_TYPE
    assert about["data"] == {
        "model": "postcard",
        "fingerprint": "f1",
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert signed != content
    assert unsigned(signed) == content
    assert len(signed) - len(content) < 8192


def test_a_prompt_is_said_where_it_is_asked_for(made: NewCertificate) -> None:
    statement = Statement(
        model="m", fingerprint="f", drawn_at="2026-11-27T20:00:00Z", prompt="a fox", from_pictures=True
    )
    signed = C2paSigner(made.chain, made.key).signed(file_of("PNG"), "image/png", statement)
    found = read(signed, "PNG")
    actions, about = found["manifests"][found["active_manifest"]]["assertions"]
    assert about["data"]["prompt"] == "a fox"
    assert actions["data"]["actions"][0]["digitalSourceType"] == COMPOSITE


def test_another_format_is_not_signed(made: NewCertificate) -> None:
    with pytest.raises(CannotSign):
        C2paSigner(made.chain, made.key).signed(b"<svg/>", "image/png", STATEMENT)


def written(folder: Path, certificate: str, key: str) -> tuple[Path, Path]:
    files = folder / "certificate.pem", folder / "key.pem"
    for file, content in zip(files, (certificate, key), strict=True):
        file.write_text(content)
    return files


def test_a_wrong_pair_is_told_at_the_start(tmp_path: Path, made: NewCertificate) -> None:
    other = new_certificate("Other", 30)
    with pytest.raises(ConfigurationError, match="is not the key of"):
        open_signer(*written(tmp_path, made.chain, other.key))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"`signing\.certificate` cannot be read: .*none\.pem"):
        open_signer(tmp_path / "none.pem", tmp_path / "none.pem")


def test_what_is_no_key_is_told(tmp_path: Path, made: NewCertificate) -> None:
    with pytest.raises(ConfigurationError, match="no private key"):
        open_signer(*written(tmp_path, made.chain, made.chain))
    (tmp_path / "key.pem").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="not PEM"):
        open_signer(tmp_path / "certificate.pem", tmp_path / "key.pem")
    with pytest.raises(ConfigurationError, match="holds no certificate"):
        open_signer(*written(tmp_path, made.key, made.key))


def test_a_certificate_that_ran_out_signs_nothing(tmp_path: Path) -> None:
    gone = new_certificate("Northlight Press", 0)  # it ends the moment that it begins
    with pytest.raises(ConfigurationError, match="the certificate ran out on"):
        open_signer(*written(tmp_path, gone.chain, gone.key))


def test_a_kind_of_key_that_c2pa_has_no_use_for_is_told(tmp_path: Path, made: NewCertificate) -> None:
    key = generate_private_key(1024).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(ConfigurationError, match="Take P-256"):
        open_signer(*written(tmp_path, made.chain, key))
