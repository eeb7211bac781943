"""The numbers of a gateway in the form of Prometheus, taken in any thread."""

import asyncio
import builtins
import importlib
import sys

import pytest
from helpers import make_account
from prometheus_client import CollectorRegistry, generate_latest

from otrfast.aio import Gateway


@pytest.mark.parametrize("thread", ["the loop's", "another"])
def test_export_when_lines_have_passed_then_the_registry_shows_them(quick, run, thread):
    from otrfast.aio.metrics import export

    async def main():
        registry = CollectorRegistry()
        async with Gateway(make_account(quick), lambda *_: None) as gateway:
            export(gateway, registry)
            await gateway.receive("x", b"text")
            await gateway.send("x", b"answer")
            if thread == "another":
                shown = await asyncio.to_thread(generate_latest, registry)
            else:
                shown = generate_latest(registry)
        lines = shown.decode().splitlines()
        assert "otrfast_lines_in_total 1.0" in lines
        assert "otrfast_texts_out_total 1.0" in lines
        assert 'otrfast_conversations{state="plaintext"} 1.0' in lines
        assert 'otrfast_latency_seconds_bucket{le="+Inf"} 2.0' in lines

    run(main())


def test_metrics_when_the_client_is_missing_then_the_error_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("prometheus_client"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "otrfast.aio.metrics", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"otrfast\[metrics\]"):
        importlib.import_module("otrfast.aio.metrics")
