# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Publishing from a Trainer: `push_to_hub` with the files of an exported checkpoint, and nothing else.

The method of `Trainer` uploads the output folder, `training_args.bin` included, and only the model's own class.

May import: transformers and siblings.
"""

from pathlib import Path
from typing import Any

from transformers import Trainer

from transformers_sr3d.hub import export_checkpoint
from transformers_sr3d.publishing.card import write_finetuned_card
from transformers_sr3d.publishing.files import card_facts
from transformers_sr3d.publishing.push import push_checkpoint


EXPORT_FOLDER = "export"


class PublishingTrainer(Trainer):
    """A `Trainer` that publishes what `export_checkpoint` writes. `processing_class` is the `SR3DProcessor`."""

    def push_to_hub(
        self,
        commit_message: str | None = "End of training",
        blocking: bool = True,
        token: str | None = None,
        **kwargs: Any,
    ) -> str | None:
        """Export and publish.

        Args:
            commit_message (`str`, *optional*):
                Of the commit.
            blocking (`bool`, defaults to `True`):
                Always waits; for the signature of `Trainer`.
            token (`str`, *optional*):
                Not taken: set HF_TOKEN, or log in.
            **kwargs:
                For the signature of `Trainer`; `revision` is used.

        Returns:
            `str` or `None`: Address of the commit; None in all processes but the first.

        Raises:
            ValueError: If a token is passed, or the checkpoint is refused.
        """
        if token is not None:
            raise ValueError("`token` must be left out, got one. Set HF_TOKEN or run `hf auth login`.")
        if not self.is_world_process_zero():
            return None
        folder = Path(self.args.output_dir) / EXPORT_FOLDER
        model = self.accelerator.unwrap_model(self.model)
        export_checkpoint(model, self.processing_class, folder)
        base = getattr(model.config, "_name_or_path", "") or None
        if not card_facts(folder):
            write_finetuned_card(folder, base=base, records=None, steps=self.state.global_step)
        return push_checkpoint(
            folder,
            self.args.hub_model_id or Path(self.args.output_dir).resolve().name,
            private=self.args.hub_private_repo is not False,
            revision=kwargs.get("revision"),
            message=commit_message,
        )

    def _push_from_checkpoint(self, checkpoint_folder: str) -> None:
        """Publish the model of a checkpoint where `hub_strategy` asks for more than the end."""
        if self.args.hub_strategy != "end" and self.is_world_process_zero():
            self.push_to_hub(commit_message=f"Training in progress, step {self.state.global_step}")
