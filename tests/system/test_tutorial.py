# SPDX-License-Identifier: Apache-2.0
"""docs/tutorial/first-token.md, its commands as they stand."""
import re

from harness.process import SOURCE, answers
from harness.reader import Reader

PAGE = SOURCE / "docs/tutorial/first-token.md"


def blocks():
    return re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.S)


def test_the_tutorial_works_as_written(run):
    build, app, up, people, make, use, revoke = blocks()
    reader = Reader(run)
    assert "script/build" in build
    reader.leaves_running("application", app, lambda: answers(reader.app))
    reader.leaves_running("postern-up", up,
                          (run.dir / "data/run.json").exists)
    reader.types(people)
    reader.token = run.secret(reader.types(make).split()[-1])
    assert reader.types(use) == "hello from the application\n"
    assert "token_revoked" in reader.types(revoke)
