"""The workloads on python-otr: what each asks of its interface, and what is said without it."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from otrfast.apps.bench import engines
from otrfast.apps.bench.metrics import BY_NAME, PACKAGE_METRICS, stand_in
from otrfast.apps.bench.python_otr_work import (
    LAYER,
    PythonOtrDuo,
    PythonOtrWork,
    open_python_otr,
)
from otrfast.errors import BackendUnavailable


class IgnoreMessage(Exception):
    pass


class Key:
    made = 0

    @classmethod
    def generate(cls):
        cls.made += 1
        return cls()


class Center:
    """Notifications to observers by name and sender."""

    observers: dict = {}  # noqa: RUF012 - one for all, as in the package

    def add_observer(self, observer, name, sender):
        self.observers[name, sender] = observer

    def remove_observer(self, observer, name, sender):
        del self.observers[name, sender]

    def post(self, name, sender, **data):
        if observer := self.observers.get((name, sender)):
            observer.handle_notification(SimpleNamespace(data=SimpleNamespace(**data)))


class Session:
    """An end that says what python-otr's would, and encrypts nothing."""

    same_secrets = True

    def __init__(self, key, transport):
        assert isinstance(key, Key)
        self.send = transport
        self.encrypted = False
        self.secret = None

    def start(self):
        self.send(b"?OTRv23?")

    def smp_verify(self, secret):
        self.secret = secret
        self.send(b"?OTR:verify")

    def smp_answer(self, secret):
        assert self.secret is not None, "nothing was asked"
        self._end_smp()
        self.send(b"?OTR:answer")

    def _end_smp(self):
        Center().post("OTRSessionSMPVerificationDidEnd", self, same_secrets=self.same_secrets)

    def handle_output(self, content, content_type):
        assert self.encrypted
        return b"?OTR:text " + content

    def handle_input(self, content, content_type):
        assert content_type == "text/plain"
        if content.startswith(b"?OTR:text "):
            return content.removeprefix(b"?OTR:text ")
        if not content.startswith(b"?OTR"):
            return content
        answers = {b"?OTRv23?": b"?OTR:commit", b"?OTR:commit": b"?OTR:signature"}
        if content == b"?OTR:verify":
            self.secret = b"asked"
        elif content == b"?OTR:answer":
            self._end_smp()
        else:
            self.encrypted = content != b"?OTRv23?"
            if content in answers:
                self.send(answers[content])
        raise IgnoreMessage


@pytest.fixture
def package(monkeypatch):
    """A package of the same interface, in the place of python-otr."""

    def implementer(interface):
        return lambda cls: cls

    modules = {
        "otr": {"OTRSession": Session, "GenericOTRTransport": lambda function: function},
        "otr.cryptography": {"DSAPrivateKey": Key},
        "otr.exceptions": {"IgnoreMessage": IgnoreMessage},
        "application": {},
        "application.notification": {"NotificationCenter": Center, "IObserver": object},
        "zope": {},
        "zope.interface": {"implementer": implementer},
    }
    for name, content in modules.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(Session, "same_secrets", True)


def test_python_otr_duo_then_every_text_arrives(package):
    duo = PythonOtrDuo()
    duo.connect()
    duo.ping_pong(4, b"ping-pong")
    duo.burst(3, b"burst")
    duo.smp()
    duo.smp()
    duo.greet(1)
    assert Center.observers == {}
    assert not duo._lines


def test_python_otr_duo_with_keys_then_it_is_not_connected_yet(package):
    keys = [Key(), Key()]
    made = Key.made
    strangers = PythonOtrDuo(keys)
    assert strangers._ends == []
    strangers.connect()
    assert all(end.encrypted for end in strangers._ends)
    assert Key.made == made


def test_python_otr_duo_when_secrets_differ_then_says_so(package, monkeypatch):
    monkeypatch.setattr(Session, "same_secrets", False)
    with pytest.raises(RuntimeError, match="did not succeed"):
        PythonOtrDuo().smp()


def test_python_otr_duo_when_lines_get_lost_then_says_so(package, monkeypatch):
    monkeypatch.setattr(PythonOtrDuo, "_settle", lambda self: self._lines.clear())
    with pytest.raises(RuntimeError, match="did not end encrypted"):
        PythonOtrDuo()


def test_python_otr_duo_when_a_text_changes_then_says_so(package, monkeypatch):
    duo = PythonOtrDuo()
    monkeypatch.setattr(Session, "handle_input", lambda self, content, content_type: b"other")
    with pytest.raises(RuntimeError, match="did not arrive"):
        duo.burst(1, b"text")
    with pytest.raises(RuntimeError, match="did not arrive"):
        duo.greet(1)


def test_python_otr_work_answers_for_each_metric(package):
    work = PythonOtrWork()
    once = {"memory", "idle"}
    for metric in PACKAGE_METRICS - {"import"}:
        assert len(work.sample(metric, 2)) == (1 if metric in once else 2)


def test_layer_work_answers_for_each_metric_and_its_strangers_are_new_to_each_other():
    work = PythonOtrWork(LAYER)
    for metric in PACKAGE_METRICS - {"import"}:
        assert all(figure >= 0 for figure in work.sample(metric, 2))
    keys = [work._duo().new_key() for _ in range(2)]
    strangers = PythonOtrDuo(keys, LAYER)
    strangers.connect()
    for mine, given in zip(strangers._keys, keys, strict=True):
        assert mine.public_key == given.public_key
        assert not given.account._identity.peer_keys._sound


def test_layer_duo_when_secrets_differ_then_says_so(monkeypatch):
    duo = PythonOtrDuo(package=LAYER)
    answer = type(duo._ends[1]).smp_answer
    monkeypatch.setattr(
        type(duo._ends[1]), "smp_answer", lambda self, secret: answer(self, b"another")
    )
    with pytest.raises(RuntimeError, match="did not succeed"):
        duo.smp()


@pytest.mark.parametrize("variant", ["python-otr", "otr-layer"])
def test_python_otr_then_is_asked_for_what_its_workload_knows(variant):
    asked = {name for name, metric in BY_NAME.items() if stand_in(variant, metric) == name}
    assert asked == PACKAGE_METRICS


def test_python_otr_when_missing_then_its_reason_is_told():
    with pytest.raises(BackendUnavailable, match=r"not installed.*Python 2"):
        open_python_otr("no_such_package")


@pytest.mark.parametrize("source", ["print 'two'\n", "from zope.interface import implements\n", ""])
def test_python_otr_when_the_package_is_another_then_its_reason_is_told(
    source, tmp_path, monkeypatch
):
    (tmp_path / "other_otr.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "other_otr", raising=False)
    with pytest.raises(BackendUnavailable, match="python-otr"):
        open_python_otr("other_otr")
    sys.modules.pop("other_otr", None)


def test_python_otr_worker_when_it_is_missing_then_the_engine_is_absent(tmp_path):
    known = engines.Engines(tmp_path)
    engine = known.start("python-otr")
    if engine is not None:
        engine.close()
    assert (engine is None) == ("python-otr" in known.absent)
