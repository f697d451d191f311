# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What lmms-eval's entry points `lmms_eval.models` find: the name of our model, and where its class is.

May import: lmms_eval.
"""

from lmms_eval.models.registry_v2 import ModelManifest


MANIFEST = ModelManifest(model_id="sr3d", simple_class_path="transformers_sr3d.evaluation.lmms_eval_model.SR3DModel")
