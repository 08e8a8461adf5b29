"""The certificate of a stack's own servers."""

import ssl
from pathlib import Path

from infra.local import certificates


def test_a_certificate_is_kept_while_it_is_valid_and_made_anew_when_it_is_damaged(tmp_path: Path) -> None:
    certificate, key = tmp_path / "services.pem", tmp_path / "services.key"
    certificates.ensure(certificate, key)
    first = certificate.read_bytes()
    certificates.ensure(certificate, key)
    assert certificate.read_bytes() == first
    assert {path.stat().st_mode & 0o777 for path in (certificate, key)} == {0o600}
    certificate.write_text("half of a certifi")
    certificates.ensure(certificate, key)
    assert certificate.read_bytes() != first
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)


def test_it_is_made_anew_a_year_before_it_ends(tmp_path: Path, monkeypatch) -> None:
    certificate, key = tmp_path / "services.pem", tmp_path / "services.key"
    certificates.ensure(certificate, key)
    first = certificate.read_bytes()
    monkeypatch.setattr(certificates, "_RENEWED", certificates._VALID * 2)
    certificates.ensure(certificate, key)
    assert certificate.read_bytes() != first
