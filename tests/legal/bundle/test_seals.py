"""The seals for readers of PDF and for certificate tools: pdfsig, openssl and our own program hold them to be good."""

from __future__ import annotations

import io
import random
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pikepdf
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from app.adapters.print.typesetting import typeset
from app.core.errors import Invalid
from app.legal.bundle import bag as fmt
from app.legal.bundle.build import build, verify
from app.legal.bundle.proof import verify as script
from app.legal.bundle.sealing.certificate import Certificate, PrivateKey, load_certificate
from tests.legal.builders import KEY, case_file, no_page
from tests.legal.bundle.test_bundle import contents, packed
from tests.legal.bundle.test_script import unpack

PUBLIC = KEY.public_key()
RAW = PUBLIC.public_bytes_raw()
ISSUED = datetime(2026, 1, 1, tzinfo=UTC)
ROOT_KEY = ec.derive_private_key(7, ec.SECP256R1())
KEYS: dict[str, PrivateKey] = {
    "RSA": rsa.generate_private_key(65537, 2048),
    "P-256": ec.derive_private_key(9, ec.SECP256R1()),
}


def issue(name: str, key: PrivateKey, *, issued: datetime = ISSUED, signs: bool = True) -> x509.Certificate:
    """A certificate of `name`, by the tests' own root, for ten years."""
    use = x509.KeyUsage(signs, False, False, False, False, not signs, not signs, False, False)
    return _begun(name, key, issued).add_extension(use, critical=True).sign(ROOT_KEY, hashes.SHA256())


def _begun(name: str, key: PrivateKey, issued: datetime) -> x509.CertificateBuilder:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    begun = x509.CertificateBuilder().subject_name(named(name)).issuer_name(named("Root of tests"))
    begun = begun.public_key(key.public_key()).serial_number(len(name))
    return begun.not_valid_before(issued).not_valid_after(issued + timedelta(days=3650))


ROOT_CERTIFICATE = (
    _begun("Root of tests", ROOT_KEY, ISSUED)
    .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    .sign(ROOT_KEY, hashes.SHA256())
)


@pytest.fixture(scope="module", params=list(KEYS))
def certificate(request: pytest.FixtureRequest) -> Certificate:
    key = KEYS[request.param]
    return Certificate(key, (issue("Noordzee Bank N.V.", key), ROOT_CERTIFICATE))


@pytest.fixture(scope="module")
def bundle(certificate: Certificate) -> bytes:
    return build(case_file(), KEY, typeset, certificate)


def pem(key: PrivateKey | ed25519.Ed25519PrivateKey, *certificates: x509.Certificate) -> str:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return private + "".join(each.public_bytes(Encoding.PEM).decode() for each in certificates)


def test_the_same_case_gives_the_same_bytes_and_verifies(certificate: Certificate, bundle: bytes) -> None:
    assert bundle == build(case_file(), KEY, typeset, certificate)
    assert verify(bundle, PUBLIC).problems == ()
    assert {fmt.CERTIFICATE, fmt.CMS_SEAL} < contents(bundle).keys()


def test_openssl_verifies_the_detached_seal(bundle: bytes, tmp_path: Path) -> None:
    folder = unpack(bundle, tmp_path)
    (tmp_path / "root.pem").write_bytes(ROOT_CERTIFICATE.public_bytes(Encoding.PEM))
    command = ["openssl", "cms", "-verify", "-binary", "-cades", "-purpose", "any", "-inform", "DER"]
    command += ["-in", folder / fmt.CMS_SEAL, "-content", folder / fmt.TAG_MANIFEST]
    command += ["-CAfile", tmp_path / "root.pem", "-out", "/dev/null"]
    good = subprocess.run(command, capture_output=True, text=True)
    assert good.returncode == 0, good.stderr
    (folder / fmt.TAG_MANIFEST).write_bytes((folder / fmt.TAG_MANIFEST).read_bytes() + b"\n")
    assert subprocess.run(command, capture_output=True).returncode != 0


def test_readers_of_pdf_show_the_seal_and_the_page_stays_an_archive(bundle: bytes, tmp_path: Path) -> None:
    page = contents(build(case_file(), KEY, typeset))["data/case-file.pdf"]
    sealed = contents(bundle)["data/case-file.pdf"]
    assert sealed.startswith(page), "what the typesetter wrote is not touched"
    (tmp_path / "case-file.pdf").write_bytes(sealed)
    told = subprocess.run(["pdfsig", tmp_path / "case-file.pdf"], capture_output=True, text=True).stdout
    for words in (
        "Signature is Valid",
        "Total document signed",
        "ETSI.CAdES.detached",
        "Common Name: Noordzee Bank N.V.",
    ):
        assert words in told, told
    with pikepdf.open(tmp_path / "case-file.pdf") as pdf, pdf.open_metadata() as metadata:
        assert metadata.pdfa_status == "2B"
        [field] = pdf.Root.AcroForm.Fields
        assert str(field.V.M) == "D:20260626000000Z", "the day of the figures"
    (tmp_path / "case-file.pdf").write_bytes(sealed.replace(b"/Reason (Case file", b"/Reason (Case_file"))
    told = subprocess.run(["pdfsig", tmp_path / "case-file.pdf"], capture_output=True, text=True).stdout
    assert "Signature is Valid" not in told


def test_a_certificate_issued_after_the_day_of_the_figures_claims_its_own_first_day() -> None:
    key, later = KEYS["P-256"], datetime(2026, 7, 1, 8, tzinfo=UTC)
    late = Certificate(key, (issue("Noordzee", key, issued=later), ROOT_CERTIFICATE))
    page = contents(build(case_file(), KEY, typeset, late))["data/case-file.pdf"]
    with pikepdf.open(io.BytesIO(page)) as pdf:
        assert str(pdf.Root.AcroForm.Fields[0].V.M) == "D:20260701080000Z"


def test_every_change_of_a_seal_is_named(bundle: bytes, tmp_path: Path) -> None:
    files = contents(bundle)
    chosen, seal = random.Random(11), files[fmt.CMS_SEAL]
    for bit in chosen.sample(range(len(seal) * 8), 60):
        flipped = bytearray(seal)
        flipped[bit // 8] ^= 1 << bit % 8
        problems = verify(packed({**files, fmt.CMS_SEAL: bytes(flipped)}), PUBLIC).problems
        assert [problem.file for problem in problems] == [fmt.CMS_SEAL], bit
    for path in (fmt.CMS_SEAL, fmt.CERTIFICATE):
        without = {name: content for name, content in files.items() if name != path}
        assert path in {problem.file for problem in verify(packed(without), PUBLIC).problems}
        folder = unpack(packed(without), tmp_path / path)
        assert path in {file for file, _ in script.check(str(folder), RAW)}
    bare = contents(build(case_file(), KEY, no_page))
    added = packed({**bare, fmt.CMS_SEAL: seal})
    assert [problem.file for problem in verify(added, PUBLIC).problems] == [fmt.CMS_SEAL]


def test_a_seal_by_another_certificate_is_named(bundle: bytes) -> None:
    files = contents(bundle)
    key = ec.derive_private_key(99, ec.SECP256R1())
    other = Certificate(key, (issue("Somebody else", key), ROOT_CERTIFICATE))
    theirs = contents(build(case_file(), KEY, typeset, other))
    swapped = {**files, fmt.CMS_SEAL: theirs[fmt.CMS_SEAL], fmt.CERTIFICATE: theirs[fmt.CERTIFICATE]}
    named = {problem.file for problem in verify(packed(swapped), PUBLIC).problems}
    assert named == {fmt.CERTIFICATE, fmt.CMS_SEAL}


def test_the_script_in_the_bundle_says_what_it_did_not_check(bundle: bytes, tmp_path: Path) -> None:
    folder = unpack(bundle, tmp_path)
    assert script.check(str(folder), RAW) == []
    done = subprocess.run(["python3", "-I", "-S", folder / "verify.py"], capture_output=True, text=True)
    assert "Not checked here: tagmanifest-sha256.txt.p7s" in done.stdout


def test_the_certificate_is_read_from_a_text_or_a_file(certificate: Certificate, tmp_path: Path) -> None:
    text = pem(certificate.key, *certificate.chain)
    (tmp_path / "seal.pem").write_text(text)
    assert (
        load_certificate(text).chain
        == load_certificate(str(tmp_path / "seal.pem")).chain
        == certificate.chain
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/no/such/file.pem", "FileNotFoundError"),
        (pem(KEYS["RSA"]), "needs a private key"),
        (ROOT_CERTIFICATE.public_bytes(Encoding.PEM).decode(), "needs a private key"),
        (pem(KEY, ROOT_CERTIFICATE), "Take RSA from 2048 bits or P-256"),
        (pem(rsa.generate_private_key(65537, 1024), ROOT_CERTIFICATE), "Take RSA from 2048 bits or P-256"),
        (pem(KEYS["RSA"], ROOT_CERTIFICATE), "not that of the seal's private key"),
        (pem(KEYS["RSA"], issue("n", KEYS["RSA"], signs=False)), "does not name signatures"),
    ],
)
def test_a_certificate_that_cannot_seal_is_refused(text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as refused:
        load_certificate(text)
    assert refused.value.field == "seal_certificate"
    assert "PRIVATE KEY-----" not in str(refused.value)
