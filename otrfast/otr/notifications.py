"""The notifications of a session: their names and data, and who is told."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable
from typing import Any, ClassVar, Final

from otrfast._records import record
from otrfast.otr.states import OTRState, SMPStatus

logger: logging.Logger = logging.getLogger("otr")

_MODULE: Final = "application.notification"
_center: list[Any] = []  # the module, or None where there is none; empty before the first posting


@record
class StateChange:
    """The session is in another state."""

    NAME: ClassVar[str] = "OTRSessionStateChanged"

    old_state: OTRState
    new_state: OTRState


@record
class SMPStart:
    """A check of a shared secret has begun: `originator` is `local` or `remote`, `question` is None
    if there is none."""

    NAME: ClassVar[str] = "OTRSessionSMPVerificationDidStart"

    originator: str
    question: bytes | None


@record
class SMPRefusal:
    """`smp_verify` has begun nothing: `reason` is `not encrypted` or `in progress`."""

    NAME: ClassVar[str] = "OTRSessionSMPVerificationDidNotStart"

    reason: str


@record
class SMPEnd:
    """A check of a shared secret has ended: `same_secrets` is None unless it is a Success, and
    `reason` is None if it is one."""

    NAME: ClassVar[str] = "OTRSessionSMPVerificationDidEnd"

    status: SMPStatus
    same_secrets: bool | None = None
    reason: str | None = None


Notification = StateChange | SMPStart | SMPRefusal | SMPEnd

Callback = Callable[[str, Any, Notification], object]
"""What is called with the name of a notification, the session, and the data."""


def post(sender: object, data: Notification, callback: Callback | None) -> None:
    """Post a notification at python-application's centre, if that is installed, and call
    `callback`. What this raises is logged and goes no further, as the centre does it."""
    module = _notification_module()
    if module is not None:
        values = {each: getattr(data, each) for each in type(data).__match_args__}
        module.NotificationCenter().post_notification(
            data.NAME, sender=sender, data=module.NotificationData(**values)
        )
    if callback is not None:
        try:
            callback(data.NAME, sender, data)
        except Exception:
            logger.exception("the callback for %s has failed", data.NAME)


def _notification_module() -> Any:
    """Return python-application's module; None: it is missing, so nobody listens. A program that
    listens has imported it, so a failed import is not tried again."""
    found = sys.modules.get(_MODULE)
    if found is not None or _center:
        return found
    try:
        found = importlib.import_module(_MODULE)
    except (ImportError, SyntaxError):  # there is a release for Python 2
        found = None
    _center.append(found)
    return found
