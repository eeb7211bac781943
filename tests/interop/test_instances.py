"""Several devices of one account (version 3): of libotr's, and of ours."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from otrfast import Policy

from .duo import OUR_TAG, Workshop
from .network import Network
from .otrfast_side import OtrfastSide
from .sides import ENCRYPTED, LibotrSide

TAGS = (0x2001, 0x2002, 0x2003)


@dataclass
class Devices:
    """Our alice and bob's three libotr devices."""

    ours: OtrfastSide
    theirs: list[LibotrSide]
    network: Network

    def tell(self, tag: int, text: bytes) -> None:
        """Send a text to one device."""
        self.ours.session.recipient = tag
        self.network.tell(self.ours, text)


@pytest.fixture(params=[0, 120], ids=["whole", "cut"])
def devices(workshop: Workshop, request: pytest.FixtureRequest) -> Devices:
    ours = workshop.ours(Policy.MANUAL, max_fragment=request.param)
    theirs = [workshop.theirs(Policy.MANUAL, request.param, tag) for tag in TAGS]
    return Devices(ours, theirs, Network(ours, *theirs, seed=workshop.seed))


def test_instances_when_three_answer_one_query_then_each_has_a_session(devices: Devices) -> None:
    devices.network.connect(devices.ours)
    assert [side.state for side in devices.theirs] == [ENCRYPTED] * 3
    assert len({side.ssid for side in devices.theirs}) == 3
    instances = devices.ours.session.instances
    assert {each.tag for each in instances} == set(TAGS)
    assert {each.ssid for each in instances} == {side.ssid for side in devices.theirs}


def test_instances_when_each_asks_by_itself_then_each_has_a_session(devices: Devices) -> None:
    for side in devices.theirs:
        devices.network.connect(side)
    assert [side.state for side in devices.theirs] == [ENCRYPTED] * 3
    assert {each.tag for each in devices.ours.session.instances} == set(TAGS)


def test_instances_when_one_is_chosen_then_only_it_reads_the_text(devices: Devices) -> None:
    devices.network.connect(devices.ours)
    for tag, side in zip(TAGS, devices.theirs, strict=True):
        devices.tell(tag, b"for %x" % tag)
        assert side.diary.encrypted() == [b"for %x" % tag]
    for side in devices.theirs:
        assert set(side.diary.problems) <= {"other_instance"}


def test_instances_when_all_speak_then_each_text_is_told_apart(devices: Devices) -> None:
    devices.network.connect(devices.ours)
    for turn in range(3):
        for side in devices.theirs:
            devices.network.tell(side, b"%x %d" % (side.otr.instance_tag, turn))
    assert devices.ours.texts_by_instance() == {
        tag: [b"%x %d" % (tag, turn) for turn in range(3)] for tag in TAGS
    }


def test_instances_when_one_ends_then_the_others_go_on(devices: Devices) -> None:
    devices.network.connect(devices.ours)
    devices.network.post(devices.theirs[0], devices.theirs[0].end())
    devices.network.settle()
    devices.tell(TAGS[1], b"still here?")
    assert devices.theirs[1].diary.encrypted() == [b"still here?"]
    devices.network.tell(devices.theirs[2], b"me too")
    assert devices.ours.diary.encrypted() == [b"me too"]


def test_instances_when_smp_runs_with_one_then_only_it_takes_part(devices: Devices) -> None:
    devices.network.connect(devices.ours)
    second = devices.theirs[1]
    devices.ours.session.recipient = TAGS[1]
    devices.network.post(devices.ours, devices.ours.smp_start(b"secret"))
    devices.network.settle()
    devices.network.post(second, second.smp_answer(b"secret"))
    devices.network.settle()
    assert devices.ours.diary.smp_names() == ["success"]
    assert [side.diary.smp_names() for side in devices.theirs] == [[], ["asked", "success"], []]


def test_instances_when_two_of_ours_share_an_account_then_each_leaves_the_others_mail_alone(
    workshop: Workshop,
) -> None:
    ours = [workshop.ours(Policy.MANUAL, tag=OUR_TAG + i) for i in range(2)]
    theirs = workshop.theirs(Policy.MANUAL)
    network = Network(*ours, theirs)
    network.connect(theirs)
    assert [side.state for side in ours] == [ENCRYPTED] * 2
    for side in ours:
        workshop.pass_time(1)
        network.tell(side, b"from %x" % side.session.instance_tags[0])
    assert len(theirs.diary.encrypted()) == 2
    network.tell(theirs, b"to the one last heard from")
    assert [side.diary.encrypted() for side in ours] == [[], [b"to the one last heard from"]]
    assert [side.diary.problems for side in ours] == [[], []]
