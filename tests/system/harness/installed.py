# SPDX-License-Identifier: Apache-2.0
"""Postern as "meson install" puts it below a folder."""
import json
import os
import subprocess

from .process import BUILD


def options():
    out = subprocess.run(["meson", "introspect", "--buildoptions", BUILD],
                         check=True, capture_output=True).stdout
    return {o["name"]: o["value"] for o in json.loads(out)}


class Installed:
    """dest stands for the root of the machine."""

    def __init__(self, dest):
        self.dest = dest
        self.prefix = options()["prefix"].lstrip("/")
        self.install()

    def install(self):
        subprocess.run(
            ["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet"],
            check=True, capture_output=True, timeout=120,
            env={**os.environ, "DESTDIR": str(self.dest)})

    def at(self, path):
        return self.dest / self.prefix / path

    @property
    def config(self):
        return self.at("etc/postern/postern.conf")

    def unit(self, name):
        return self.at("lib/systemd/system") / name
