# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a scene, and how to mend it.

    sampling     a source             -> a few small views
    correction   views + a correction -> the views as they would be
    evidence     corrected views      -> how far they contradict each other
    search       evidence             -> the corrections that explain the contradictions
    colours      corrected views      -> whether pictures and depth belong to the same moments
    gravity      corrected views      -> which way is up, how high the cameras stand
    examine      all of these         -> a report
    mending      source + report      -> the corrected source

May import: `inputs` and the files that travel.
"""
