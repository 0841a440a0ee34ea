# SPDX-License-Identifier: Apache-2.0
"""The Debian packages: built, and lived with on a bare Debian.

Both take minutes and a network, so they run when POSTERN_PACKAGES=1 asks.
"""
import os
import pathlib
import re
import subprocess

import pytest

from harness.process import SOURCE

asked = pytest.mark.skipif(os.environ.get("POSTERN_PACKAGES") != "1",
                           reason="POSTERN_PACKAGES=1 asks for it")
DEBIAN = SOURCE / "packaging/debian"


def test_the_packages_are_of_the_source_s_version():
    version = re.search(r"^  version: '(.*)',$",
                        (SOURCE / "meson.build").read_text(), re.M)[1]
    head = (DEBIAN / "changelog").read_text().splitlines()[0]
    assert head.startswith(f"postern ({version}-")


def test_what_the_packages_need_is_in_the_list_of_packages():
    control = (DEBIAN / "control").read_text()
    needs = re.search(r"^Build-Depends:\n((?: .*\n)+)", control, re.M)[1]
    listed = set((SOURCE / "script/packages.txt").read_text().split())
    for name in re.findall(r"^ ([a-z0-9-]+)", needs, re.M):
        provided = {"debhelper-compat": "debhelper",
                    "dh-sequence-installsysusers": "debhelper",
                    "dh-sequence-nginx": "nginx-dev"}.get(name, name)
        assert provided in listed, name


@asked
def test_the_packages_are_built_and_lintian_finds_nothing():
    subprocess.run(["script/package"], cwd=SOURCE, check=True, timeout=1800)
    assert len(list(pathlib.Path(SOURCE / "build-package").glob("*.deb"))) == 4


@asked
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_the_packages_install_work_upgrade_and_purge():
    subprocess.run(["tools/package_room.sh"], cwd=SOURCE, check=True,
                   timeout=1800)
