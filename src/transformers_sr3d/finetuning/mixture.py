# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning, the order: lengths and weights of all records -> which is shown when, for a whole run.

The order is settled before the run and depends on the seed only, so a resumed run goes on where it was. Each record of
weight w is shown w times per pass, what is left of a weight by lot. Within stretches of `GROUPED_BATCHES` batches
records of like length are put together, to pad less.

May import: NumPy.
"""

from collections.abc import Sequence

import numpy as np


GROUPED_BATCHES = 32


def order_of_run(
    lengths: Sequence[int], weights: Sequence[float], *, num_items: int, batch_size: int, seed: int
) -> np.ndarray:
    """Settle the order.

    Args:
        lengths (`Sequence[int]`):
            Tokens of each record.
        weights (`Sequence[float]`):
            How often each is shown per pass, above 0.
        num_items (`int`):
            Records shown in the whole run.
        batch_size (`int`):
            Records per step.
        seed (`int`):
            Of everything drawn here.

    Returns:
        `np.ndarray` of shape `(num_items,)`, int64: Positions of records.
    """
    rng = np.random.default_rng(seed)
    passes: list[np.ndarray] = []
    while sum(map(len, passes)) < num_items:
        shares = np.asarray(weights, dtype=float)
        counts = np.floor(shares) + (rng.uniform(size=len(shares)) < shares % 1)
        shown = np.repeat(np.arange(len(shares)), counts.astype(int))
        passes.append(rng.permutation(shown))
    order = np.concatenate(passes)[:num_items]
    stretch = GROUPED_BATCHES * batch_size
    parts = np.split(order, range(stretch, num_items, stretch))
    return np.concatenate([_group(part, lengths, batch_size, rng) for part in parts])


def _group(places: np.ndarray, lengths: Sequence[int], batch_size: int, rng: np.random.Generator) -> np.ndarray:
    """Sort by length, cut into batches, and shuffle the whole ones."""
    by_length = places[np.argsort([lengths[place] for place in places], kind="stable")]
    whole = len(places) // batch_size * batch_size
    batches = by_length[:whole].reshape(-1, batch_size)
    return np.concatenate([rng.permutation(batches, axis=0).ravel(), by_length[whole:]])
