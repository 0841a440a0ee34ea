# SPDX-License-Identifier: Apache-2.0
"""Authorities and certificates for one test, by openssl(1)."""
import subprocess

# "openssl ca", since only that can make a certificate that has ended.
CONF = """
[ca]
default_ca = us
[us]
database = {dir}/index.txt
new_certs_dir = {dir}
serial = {dir}/serial
private_key = {dir}/ca.key
certificate = {dir}/ca.pem
default_md = sha256
policy = any
[any]
commonName = supplied
[leaf]
subjectAltName = DNS:{name}
[req]
distinguished_name = any_name
[any_name]
"""


class Authority:
    """ca.pem is what clients are told to believe."""

    def __init__(self, run, name="authority"):
        self.dir = run.dir / name
        self.dir.mkdir()
        (self.dir / "index.txt").touch()
        (self.dir / "index.txt.attr").write_text("unique_subject = no\n")
        (self.dir / "serial").write_text("01\n")
        self.pem = self.dir / "ca.pem"
        self.made = 0
        (self.dir / "conf").write_text(CONF.format(dir=self.dir, name="x"))
        self.openssl("req", "-x509", *self.new_key(self.dir / "ca.key"),
                     "-days", "30", "-subj", f"/CN={name}", "-addext",
                     "basicConstraints=critical,CA:TRUE", "-out", self.pem)

    @staticmethod
    def new_key(path):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-keyout", path]

    def openssl(self, *arguments):
        done = subprocess.run(
            ["openssl", *arguments, "-config", self.dir / "conf"], check=False,
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=60)
        assert done.returncode == 0, done.stdout

    def certificate(self, name, ended=False):
        """(certificate, key) of a server of that name."""
        self.made += 1
        key, request, cert = (self.dir / f"{self.made}.{suffix}"
                              for suffix in ("key", "csr", "pem"))
        (self.dir / "conf").write_text(CONF.format(dir=self.dir, name=name))
        self.openssl("req", "-new", *self.new_key(key), "-subj", f"/CN={name}",
                     "-out", request)
        dates = (["-startdate", "20200101000000Z", "-enddate",
                  "20200201000000Z"] if ended else ["-days", "7"])
        self.openssl("ca", "-batch", "-notext", "-extensions", "leaf", *dates,
                     "-in", request, "-out", cert)
        return cert, key
