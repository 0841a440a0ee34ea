# SPDX-License-Identifier: Apache-2.0
"""nginx with a module in which a call fails (tests/support/faults.h)."""
import mmap
import os
import struct

from .process import BUILD

MODULE = BUILD / "tests/support/ngx_http_postern_faulty.so"
LAYOUT = struct.Struct("6I")  # armed, at, kind, sticky, calls, failed


class Faults:
    """The page through which calls are made to fail; .env is nginx's."""

    def __init__(self, run):
        path = run.file("faults", bytes(mmap.PAGESIZE), 0o600)
        self.env = {"POSTERN_FAULTS": str(path)}
        fd = os.open(path, os.O_RDWR)
        self.page = mmap.mmap(fd, mmap.PAGESIZE)
        os.close(fd)
        run.at_end(self.page.close)

    def arm(self, at, sticky=False):
        """Call number at fails, counted from 0 and from now; sticky: and all
        that come after it."""
        LAYOUT.pack_into(self.page, 0, 0, at, 0, sticky, 0, 0)
        LAYOUT.pack_into(self.page, 0, 1, at, 0, sticky, 0, 0)

    def disarm(self):
        """True if a call has failed."""
        failed = LAYOUT.unpack_from(self.page, 0)[-1]
        LAYOUT.pack_into(self.page, 0, 0, 0, 0, 0, 0, 0)
        return failed > 0
