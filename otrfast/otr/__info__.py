"""What the package says of itself."""

from __future__ import annotations

__project__ = "python-otr"
__summary__ = "Off-the-Record messaging, on the engine of otrfast"
__webpage__ = "https://otr.cypherpunks.ca/"
__version__ = "2.1"
__author__ = "the authors of otrfast"
__email__ = ""
__license__ = "see otrfast"
__copyright__ = "see otrfast"
