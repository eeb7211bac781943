"""`otrfast info`."""

import otrfast

from .program import otrfast as program


def test_info_names_what_runs():
    done = program("info")
    assert done.returncode == 0
    assert otrfast.backend_name() in done.stdout.decode()
    if otrfast.backend_name() == "native":
        from otrfast.crypto.native import description

        assert description()["level"] in done.stdout.decode()
        assert description()["gmp"].split()[0] in done.stdout.decode()


def test_info_when_python_is_asked_for_names_it():
    done = program("info", environment={"OTRFAST_PURE": "1"})
    assert done.returncode == 0
    assert "pure" in done.stdout.decode()
